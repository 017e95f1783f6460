"""Price changes: those who bought a plan at another price are told, and pay its price of now from the first
renewal after the notice on. Until then, and if they end it before, they pay what they bought it at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.plans.tables import plan_price
from billing.subscriptions.changes import OPEN
from billing.subscriptions.projecting import LIVE
from billing.subscriptions.tables import plan_change, reprice, subscription


@dataclass(frozen=True)
class RepriceFact:
    """A creator's price change. ``subscribers`` were to pay the price; ``told`` of these know it, ``moved``
    pay it, ``waiting`` are still to; the rest have left, or chosen otherwise."""

    id: UUID
    plan_id: UUID
    price: Money
    not_before: datetime
    created_at: datetime
    subscribers: int
    told: int
    moved: int
    waiting: int


@dataclass(frozen=True)
class Notice:
    """What a subscriber is told. ``not_before`` as in ``ChangeFact``."""

    change_id: UUID
    account_id: UUID
    knowledge_base_id: UUID
    before: Money
    after: Money
    not_before: datetime
    period_end: datetime | None


async def begin(
    session: AsyncSession,
    *,
    id: UUID,
    plan_id: UUID,
    price_id: UUID,
    price: Money,
    now: datetime,
    not_before: datetime,
    new_id: Callable[[], UUID],
) -> list[UUID]:
    """Opens a change for everybody who has the plan at another price in the same currency.

    Who is about to change the plan is left alone. An open price change of the plan gives way to this one.
    A dearer price waits until ``not_before``; a cheaper one does not wait. Returns the subscriptions whose
    earlier price change was called off: the processor may have been told of it.
    """
    await session.execute(
        sa.insert(reprice).values(id=id, plan_id=plan_id, price_id=price_id, not_before=not_before)
    )
    of_plan = sa.select(subscription.c.id).where(subscription.c.plan_id == plan_id)
    called_off = await session.execute(
        sa.update(plan_change)
        .where(
            plan_change.c.subscription_id.in_(of_plan),
            plan_change.c.kind == "reprice",
            plan_change.c.status.in_(OPEN | {"superseded"}),
            plan_change.c.price_id != price_id,
        )
        .values(status="superseded", superseded_by=None, finished_at=sa.func.zhihao_now())
        .returning(plan_change.c.subscription_id)
    )
    affected = await session.execute(
        sa.select(subscription.c.id, plan_price.c.amount)
        .join(plan_price, plan_price.c.id == subscription.c.price_id)
        .where(
            subscription.c.plan_id == plan_id,
            subscription.c.status.in_(LIVE),
            plan_price.c.currency == price.currency,
            plan_price.c.amount != price.amount,
        )
        .order_by(subscription.c.id)
    )
    rows = [
        {
            "id": new_id(),
            "subscription_id": row.id,
            "kind": "reprice",
            "plan_id": plan_id,
            "price_id": price_id,
            "status": "pending",
            "not_before": not_before if row.amount < price.amount else now,
            "reprice_id": id,
        }
        for row in affected
    ]
    if rows:
        await session.execute(
            insert(plan_change).on_conflict_do_nothing(
                index_elements=[plan_change.c.subscription_id],
                index_where=sa.text("status IN ('asking', 'unpaid', 'pending', 'scheduled')"),
            ),
            rows,
        )
    return list(dict.fromkeys(called_off.scalars()))


async def untold(session: AsyncSession, reprice_id: UUID, *, limit: int) -> list[Notice]:
    """Who is still to be told, locked to the end of the transaction."""
    before, after = plan_price.alias(), plan_price.alias()
    rows = await session.execute(
        sa.select(
            plan_change.c.id,
            plan_change.c.not_before,
            subscription.c.account_id,
            subscription.c.knowledge_base_id,
            subscription.c.current_period_end,
            before.c.amount.label("old_amount"),
            after.c.amount.label("new_amount"),
            after.c.currency,
        )
        .join(subscription, subscription.c.id == plan_change.c.subscription_id)
        .join(before, before.c.id == subscription.c.price_id)
        .join(after, after.c.id == plan_change.c.price_id)
        .where(
            plan_change.c.reprice_id == reprice_id,
            plan_change.c.status == "pending",
            plan_change.c.told_at.is_(None),
        )
        .order_by(plan_change.c.id)
        .limit(limit)
        .with_for_update(of=plan_change, skip_locked=True)
    )
    return [
        Notice(
            change_id=row.id,
            account_id=row.account_id,
            knowledge_base_id=row.knowledge_base_id,
            before=Money(row.old_amount, row.currency),
            after=Money(row.new_amount, row.currency),
            not_before=row.not_before,
            period_end=row.current_period_end,
        )
        for row in rows
    ]


async def told(session: AsyncSession, change_ids: list[UUID]) -> list[UUID]:
    """They know; returns their subscriptions, some of which the processor may be told of at once."""
    rows = await session.execute(
        sa.update(plan_change)
        .where(plan_change.c.id.in_(change_ids))
        .values(told_at=sa.func.zhihao_now())
        .returning(plan_change.c.subscription_id)
    )
    return list(rows.scalars())


async def list_of(
    session: AsyncSession | AsyncConnection, *, plan_id: UUID, before: UUID | None, limit: int
) -> list[RepriceFact]:
    """The plan's price changes, newest first, from below ``before``."""
    query = _SELECT.where(reprice.c.plan_id == plan_id)
    if before is not None:
        query = query.where(reprice.c.id < before)
    return [_fact(row) for row in await session.execute(query.order_by(reprice.c.id.desc()).limit(limit))]


async def read(session: AsyncSession | AsyncConnection, id: UUID) -> RepriceFact:
    """One that is known to be there."""
    return _fact((await session.execute(_SELECT.where(reprice.c.id == id))).one())


def _counted(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    counted = sa.select(sa.func.count()).where(plan_change.c.reprice_id == reprice.c.id, *conditions)
    return counted.scalar_subquery()


_SELECT = sa.select(
    reprice,
    plan_price.c.amount,
    plan_price.c.currency,
    _counted().label("subscribers"),
    _counted(plan_change.c.told_at.is_not(None)).label("told"),
    _counted(plan_change.c.status == "applied").label("moved"),
    _counted(plan_change.c.status.in_(sorted(OPEN))).label("waiting"),
).join(plan_price, plan_price.c.id == reprice.c.price_id)


def _fact(row: sa.Row[tuple[object, ...]]) -> RepriceFact:
    return RepriceFact(
        id=row.id,
        plan_id=row.plan_id,
        price=Money(row.amount, row.currency),
        not_before=row.not_before,
        created_at=row.created_at,
        subscribers=row.subscribers,
        told=row.told,
        moved=row.moved,
        waiting=row.waiting,
    )
