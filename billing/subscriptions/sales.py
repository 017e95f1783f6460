"""Sales: each successful charge, once, with its split, posted in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.ledger.journal import Source, post
from billing.ledger.splitting import Split, refund_entries, sale_entries
from billing.money import Money
from billing.processor.port import Charge, Refund
from billing.subscriptions.tables import refund, sale

Kind = Literal["subscription", "pass", "tip", "metered"]


class SaleUnknown(Exception):
    """Something happened to a charge of ours that is not recorded yet: its turn comes again."""


@dataclass(frozen=True)
class Sold:
    """What a charge was for."""

    kind: Kind
    creator_id: UUID | None
    account_id: UUID | None = None
    organization_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    subscription_id: UUID | None = None
    plan_id: UUID | None = None
    tip_id: UUID | None = None
    ref: str | None = None
    stripe_invoice_id: str | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None


@dataclass(frozen=True)
class SaleFact:
    """``price`` is what the buyer paid, the rest what it came to in the settlement currency.

    ``earned`` and ``fees`` are the creator's; ``refunded`` is in the currency of ``price``. Who paid is not
    in it: a tip may be anonymous.
    """

    id: UUID
    kind: Kind
    knowledge_base_id: UUID | None
    plan_id: UUID | None
    subscription_id: UUID | None
    tip_id: UUID | None
    ref: str | None
    price: Money
    tax: int
    settled: Money
    exchange_rate: Decimal | None
    earned: int
    fees: int
    refunded: int
    paid_at: datetime


async def record(
    session: AsyncSession,
    *,
    id: UUID,
    charge: Charge,
    tax: int,
    split: Split,
    take_rate_bps: int,
    sold: Sold,
) -> UUID | None:
    """Keeps and posts the sale; None when the charge was recorded before.

    ``tax`` is in the presented currency, ``split`` in the settlement currency.
    """
    row = await session.execute(
        insert(sale)
        .values(
            id=id,
            **sold.__dict__,
            stripe_charge_id=charge.id,
            stripe_payment_intent_id=charge.payment_intent_id,
            stripe_balance_transaction_id=charge.balance_transaction_id,
            amount=charge.presented.amount,
            currency=charge.presented.currency,
            tax=tax,
            settled_amount=charge.settled.amount,
            settled_currency=charge.settled.currency,
            settled_tax=split.tax,
            exchange_rate=charge.exchange_rate,
            fee=charge.fee,
            creator_amount=sum(split.creators.values()),
            platform_amount=split.platform,
            creator_fee=sum(split.creator_fees.values()),
            platform_fee=split.platform_fee,
            take_rate_bps=take_rate_bps,
            paid_at=charge.paid_at,
        )
        .on_conflict_do_nothing(constraint="sale_stripe_charge_unique")
        .returning(sale.c.id)
    )
    if row.one_or_none() is None:
        return None
    await post(
        session,
        id=id,
        source=Source("charge", charge.id, "sale"),
        entries=sale_entries(split, charge.settled.currency),
        effective_at=charge.paid_at,
        sale_id=id,
    )
    return id


@dataclass(frozen=True)
class Refunded:
    """What a sale came to after a refund."""

    sale_id: UUID
    kind: Kind
    whole: bool


async def give_back(session: AsyncSession, *, id: UUID, returned: Refund) -> Refunded | None:
    """Keeps and posts a refund of a sale; None when it was kept before, or has not left the balance.

    Only sales of one creator are divided here; a metered invoice's refund is the platform's. Raises
    ``SaleUnknown``.
    """
    if returned.balance_transaction_id is None or returned.status in {"failed", "canceled"}:
        return None
    query = sa.select(sale).where(sale.c.stripe_charge_id == returned.charge_id).with_for_update()
    sold = (await session.execute(query)).one_or_none()
    if sold is None:
        raise SaleUnknown(f"the charge {returned.charge_id} is not recorded yet")
    row = await session.execute(
        insert(refund)
        .values(
            id=id,
            sale_id=sold.id,
            stripe_refund_id=returned.id,
            stripe_balance_transaction_id=returned.balance_transaction_id,
            amount=returned.presented.amount,
            currency=returned.presented.currency,
            settled_amount=returned.settled.amount,
            settled_currency=returned.settled.currency,
            fee=returned.fee,
            created_at=returned.created_at,
        )
        .on_conflict_do_nothing(constraint="refund_stripe_unique")
        .returning(refund.c.id)
    )
    if row.one_or_none() is None:
        return None
    await post(
        session,
        id=id,
        source=Source("refund", returned.id, "refund"),
        entries=refund_entries(
            _split_of(sold),
            sold.settled_currency,
            before=sold.settled_refunded,
            amount=returned.settled.amount,
            fee=returned.fee,
        ),
        effective_at=returned.created_at,
        sale_id=sold.id,
    )
    await session.execute(
        sa.update(sale)
        .where(sale.c.id == sold.id)
        .values(
            refunded=sale.c.refunded + returned.presented.amount,
            settled_refunded=sale.c.settled_refunded + returned.settled.amount,
        )
    )
    return Refunded(sold.id, sold.kind, sold.refunded + returned.presented.amount >= sold.amount)


async def list_sales(
    session: AsyncSession | AsyncConnection,
    *,
    creator_id: UUID,
    start: datetime | None,
    end: datetime | None,
    before: UUID | None,
    limit: int,
) -> list[SaleFact]:
    """The creator's sales, newest first, from below ``before``."""
    query = sa.select(sale).where(sale.c.creator_id == creator_id)
    if start is not None:
        query = query.where(sale.c.paid_at >= start)
    if end is not None:
        query = query.where(sale.c.paid_at < end)
    if before is not None:
        query = query.where(sale.c.id < before)
    return [_fact(row) for row in await session.execute(query.order_by(sale.c.id.desc()).limit(limit))]


def _split_of(sold: sa.Row[Any]) -> Split:
    if sold.creator_id is None:
        return Split({}, sold.creator_amount + sold.platform_amount, sold.settled_tax, {}, sold.fee)
    return Split(
        {sold.creator_id: sold.creator_amount},
        sold.platform_amount,
        sold.settled_tax,
        {sold.creator_id: sold.creator_fee},
        sold.platform_fee,
    )


def _fact(row: sa.Row[Any]) -> SaleFact:
    return SaleFact(
        id=row.id,
        kind=row.kind,
        knowledge_base_id=row.knowledge_base_id,
        plan_id=row.plan_id,
        subscription_id=row.subscription_id,
        tip_id=row.tip_id,
        ref=row.ref,
        price=Money(row.amount, row.currency),
        tax=row.tax,
        settled=Money(row.settled_amount, row.settled_currency),
        exchange_rate=row.exchange_rate,
        earned=row.creator_amount,
        fees=row.creator_fee,
        refunded=row.refunded,
        paid_at=row.paid_at,
    )
