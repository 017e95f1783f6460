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
from billing.ledger.splitting import Split, sale_entries
from billing.money import Money
from billing.payouts import allocations
from billing.processor.port import Charge
from billing.subscriptions.tables import sale

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
    if sold.creator_id is not None:
        await allocations.add(
            session,
            sale_id=id,
            creator_id=sold.creator_id,
            currency=charge.settled.currency,
            stripe_charge_id=charge.id,
            charged=charge.settled.amount,
            net=split.creators[sold.creator_id] - split.creator_fees[sold.creator_id],
            earned_at=charge.paid_at,
        )
    return id


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
