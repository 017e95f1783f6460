"""Sales as operators look for them: by charge, buyer, creator, knowledge base or time."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.subscriptions.tables import sale


@dataclass(frozen=True)
class SaleFilter:
    """Every field that is set must fit; ``start`` and ``end`` bound when it was paid."""

    charge_id: str | None = None
    account_id: UUID | None = None
    creator_id: UUID | None = None
    organization_id: UUID | None = None
    knowledge_base_id: UUID | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class SaleRecord:
    """One charge, whole: who paid whom for what, and how it was split in the settlement currency.

    ``price``, ``tax`` and ``refunded`` are what the buyer saw. ``frozen_at``: while a dispute is open.
    """

    id: UUID
    kind: str
    account_id: UUID | None
    creator_id: UUID | None
    organization_id: UUID | None
    knowledge_base_id: UUID | None
    subscription_id: UUID | None
    plan_id: UUID | None
    tip_id: UUID | None
    stripe_charge_id: str
    stripe_invoice_id: str | None
    price: Money
    tax: int
    refunded: int
    settled: Money
    settled_tax: int
    exchange_rate: Decimal | None
    fee: int
    creator_amount: int
    platform_amount: int
    creator_fee: int
    platform_fee: int
    take_rate_bps: int
    frozen_at: datetime | None
    paid_at: datetime


async def find_sales(
    session: AsyncSession | AsyncConnection, wanted: SaleFilter, *, before: UUID | None, limit: int
) -> list[SaleRecord]:
    """Newest first, from below ``before``."""
    query = sa.select(sale)
    if wanted.charge_id is not None:
        query = query.where(sale.c.stripe_charge_id == wanted.charge_id)
    for name in ("account_id", "creator_id", "organization_id", "knowledge_base_id"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(sale.c[name] == value)
    if wanted.start is not None:
        query = query.where(sale.c.paid_at >= wanted.start)
    if wanted.end is not None:
        query = query.where(sale.c.paid_at < wanted.end)
    if before is not None:
        query = query.where(sale.c.id < before)
    return [_record(row) for row in await session.execute(query.order_by(sale.c.id.desc()).limit(limit))]


def _record(row: sa.Row[Any]) -> SaleRecord:
    values = row._mapping
    own = {name: values[name] for name in SaleRecord.__dataclass_fields__ if name in values}
    return SaleRecord(
        **own,
        price=Money(row.amount, row.currency),
        settled=Money(row.settled_amount, row.settled_currency),
    )
