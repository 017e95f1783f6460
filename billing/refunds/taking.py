"""Taking money of a sale back, by a refund or by a buyer's bank: the one way either is posted.

What was taken of a sale, and from whose share, is a function of how much was taken in all: each posting moves
the shares from what they were to what they are to be. So any sequence of refunds, failed refunds, disputes
lost and won comes to the same shares, and taking the whole takes exactly what the sale gave.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.ledger.journal import Source, post
from billing.ledger.postings import entries_of
from billing.ledger.splitting import refund_entries, split_of
from billing.money import Money, allocate
from billing.subscriptions.sales import Kind, SaleUnknown
from billing.subscriptions.tables import sale


class SaleNotFound(Exception):
    """There is no such sale of this creator's, or of this buyer's."""


@dataclass(frozen=True)
class Sale:
    """What taking back needs of a sale. ``refunded`` and ``disputed`` are taken now, in ``price``'s currency;
    the settlement currency is that of ``settled``."""

    id: UUID
    kind: Kind
    creator_id: UUID | None
    account_id: UUID | None
    organization_id: UUID | None
    knowledge_base_id: UUID | None
    subscription_id: UUID | None
    charge_id: str
    price: Money
    settled: Money
    refunded: int
    disputed: int
    period_end: datetime | None
    frozen_at: datetime | None

    @property
    def taken(self) -> int:
        return self.refunded + self.disputed

    @property
    def whole(self) -> bool:
        """Whether all of it was taken back."""
        return self.taken >= self.price.amount


async def lock(session: AsyncSession, *, charge_id: str) -> Sale:
    """The charge's sale, held to the end of the transaction. Raises ``SaleUnknown``."""
    query = sa.select(sale).where(sale.c.stripe_charge_id == charge_id).with_for_update()
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise SaleUnknown(f"the charge {charge_id} is not recorded yet")
    return _sale(row)


async def find(
    session: AsyncSession | AsyncConnection,
    *,
    id: UUID,
    creator_id: UUID | None = None,
    account_id: UUID | None = None,
    lock: bool = False,
) -> Sale:
    """The sale, of this creator or buyer if one is named. Raises ``SaleNotFound``."""
    query = sa.select(sale).where(sale.c.id == id)
    if creator_id is not None:
        query = query.where(sale.c.creator_id == creator_id)
    if account_id is not None:
        query = query.where(sale.c.account_id == account_id)
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise SaleNotFound("There is no such sale.")
    return _sale(row)


async def latest_of(session: AsyncSession | AsyncConnection, subscription_id: UUID) -> Sale | None:
    """The subscription's latest payment, None while there is none."""
    query = sa.select(sale).where(sale.c.subscription_id == subscription_id)
    row = (await session.execute(query.order_by(sale.c.paid_at.desc(), sale.c.id.desc()).limit(1))).first()
    return None if row is None else _sale(row)


def position(settled: int, paid: int, taken: int) -> int:
    """What of a sale's settlement is gone when ``taken`` of what was ``paid`` is; never more than all."""
    gone = max(0, min(taken, paid))
    return allocate(settled, [gone, paid - gone])[0]


async def take(
    session: AsyncSession,
    sold: Sale,
    *,
    id: UUID,
    source: Source,
    by: Literal["refunded", "disputed"],
    presented: int,
    settled: int,
    fee: int,
    at: datetime,
) -> Sale:
    """Posts that ``presented`` of the sale's price was taken, which moved the balance by ``settled`` and cost
    ``fee``; below zero, it came back. The sale must be locked, and each balance transaction taken once.

    Returns the sale as it is now.
    """
    split = split_of(await entries_of(session, Source("charge", sold.charge_id, "sale")))
    before = position(sold.settled.amount, sold.price.amount, sold.taken)
    after = position(sold.settled.amount, sold.price.amount, sold.taken + presented)
    entries = refund_entries(
        split, sold.settled.currency, before=before, amount=after - before, fee=fee, moved=settled
    )
    await post(session, id=id, source=source, entries=entries, effective_at=at, sale_id=sold.id)
    values: dict[str, object] = {by: sale.c[by] + presented}
    if by == "refunded":
        values["settled_refunded"] = sale.c.settled_refunded + settled
    await session.execute(sa.update(sale).where(sale.c.id == sold.id).values(values))
    if by == "refunded":
        return replace(sold, refunded=sold.refunded + presented)
    return replace(sold, disputed=sold.disputed + presented)


async def freeze(session: AsyncSession, sold: Sale, *, since: datetime | None) -> None:
    """A frozen sale is not paid out; None thaws it. The first moment is kept."""
    frozen = None if since is None else sa.func.coalesce(sale.c.frozen_at, since)
    await session.execute(sa.update(sale).where(sale.c.id == sold.id).values(frozen_at=frozen))


async def withheld(
    session: AsyncSession | AsyncConnection, *, subscription_id: UUID, period_start: datetime | None
) -> bool:
    """Whether a bank has taken back what was paid for the subscription's current period: while it has, the
    subscription opens nothing."""
    query = sa.exists().where(
        sale.c.subscription_id == subscription_id,
        sale.c.disputed > 0,
        sa.true() if period_start is None else sale.c.period_end > period_start,
    )
    return bool(await session.scalar(sa.select(query)))


def _sale(row: sa.Row[Any]) -> Sale:
    return Sale(
        id=row.id,
        kind=row.kind,
        creator_id=row.creator_id,
        account_id=row.account_id,
        organization_id=row.organization_id,
        knowledge_base_id=row.knowledge_base_id,
        subscription_id=row.subscription_id,
        charge_id=row.stripe_charge_id,
        price=Money(row.amount, row.currency),
        settled=Money(row.settled_amount, row.settled_currency),
        refunded=row.refunded,
        disputed=row.disputed,
        period_end=row.period_end,
        frozen_at=row.frozen_at,
    )
