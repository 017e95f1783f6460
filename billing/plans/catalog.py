"""Plans: what of a knowledge base is sold, for how long, at which price.

A price is never changed: another one takes its place for whoever buys from then on. A plan is for sale when
it is ``active``, which it is once the processor knows it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.plans.tables import plan, plan_price

Reader = AsyncSession | AsyncConnection
Interval = Literal["month", "year", "once"]
Status = Literal["pending", "active", "archived"]


class PlanNotFound(Exception):
    """There is no such plan of this knowledge base."""


class InvalidPlan(Exception):
    """The plan cannot be as asked; ``pointer`` names the field of the body."""

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


@dataclass(frozen=True)
class PlanFact:
    """A plan with its current price. ``days`` is set for ``once``: a prepaid pass."""

    id: UUID
    knowledge_base_id: UUID
    interval: Interval
    days: int | None
    price: Money
    trial_days: int
    status: Status
    created_at: datetime


@dataclass(frozen=True)
class Offer:
    """A plan as it is sold: with the names the processor has for it."""

    plan: PlanFact
    price_id: UUID
    stripe_product_id: str | None
    stripe_price_id: str | None


@dataclass(frozen=True)
class PriceFact:
    """A price that a plan has or had; ``stripe_price_id`` is None until the processor knows it."""

    id: UUID
    plan_id: UUID
    price: Money
    stripe_price_id: str | None


def check_terms(
    interval: Interval, *, days: int | None, trial_days: int, most_days: int, most_trial: int
) -> None:
    """Whether the terms make sense together. Raises ``InvalidPlan``."""
    if interval == "once":
        if days is None or not 1 <= days <= most_days:
            raise InvalidPlan(f"A pass lasts from 1 to {most_days} days.", "/days")
        if trial_days:
            raise InvalidPlan("A pass has no trial.", "/trial_days")
    elif days is not None:
        raise InvalidPlan("Only a pass (interval `once`) has days.", "/days")
    if not 0 <= trial_days <= most_trial:
        raise InvalidPlan(f"A trial lasts from 0 to {most_trial} days.", "/trial_days")


async def add_plan(
    session: AsyncSession,
    *,
    id: UUID,
    price_id: UUID,
    knowledge_base_id: UUID,
    interval: Interval,
    days: int | None,
    price: Money,
    trial_days: int,
) -> None:
    """A plan that is not for sale yet."""
    await session.execute(
        sa.insert(plan).values(
            id=id,
            knowledge_base_id=knowledge_base_id,
            interval=interval,
            days=days,
            trial_days=trial_days,
            status="pending",
        )
    )
    await session.execute(_price_row(price_id, id, price, current=True))


async def open_sale(session: AsyncSession, *, id: UUID, product_id: str, stripe_price_id: str) -> PlanFact:
    """Puts the plan on sale, now that the processor knows it."""
    now = sa.func.zhihao_now()
    await session.execute(
        sa.update(plan)
        .where(plan.c.id == id)
        .values(status="active", stripe_product_id=product_id, updated_at=now)
    )
    await session.execute(
        sa.update(plan_price)
        .where(plan_price.c.plan_id == id, plan_price.c.current)
        .values(stripe_price_id=stripe_price_id)
    )
    return (await _one(session, plan.c.id == id)).plan


async def add_price(
    session: AsyncSession, *, id: UUID, plan_id: UUID, price: Money, stripe_price_id: str
) -> None:
    """Sells the plan at ``price`` from now on; who bought at another keeps that."""
    await session.execute(
        sa.update(plan_price)
        .where(plan_price.c.plan_id == plan_id, plan_price.c.current)
        .values(current=False, archived_at=sa.func.zhihao_now())
    )
    await session.execute(_price_row(id, plan_id, price, current=True, stripe_price_id=stripe_price_id))


async def change_plan(
    session: AsyncSession, *, id: UUID, trial_days: int | None, status: Status | None
) -> PlanFact:
    """Changes what is given and returns the plan."""
    values = {"trial_days": trial_days, "status": status}
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None}
    await session.execute(
        sa.update(plan).where(plan.c.id == id).values(**given, updated_at=sa.func.zhihao_now())
    )
    return (await _one(session, plan.c.id == id)).plan


async def offer_of(session: Reader, *, plan_id: UUID, knowledge_base_id: UUID, lock: bool = False) -> Offer:
    """The plan of this knowledge base, for sale or not. Raises ``PlanNotFound``."""
    return await _one(
        session,
        plan.c.id == plan_id,
        plan.c.knowledge_base_id == knowledge_base_id,
        plan.c.status != "pending",
        lock=lock,
    )


async def plans_of(session: Reader, knowledge_base_ids: Sequence[UUID]) -> dict[UUID, list[PlanFact]]:
    """What of each knowledge base is for sale, cheapest first; those with nothing are absent."""
    query = _SELECT.where(plan.c.knowledge_base_id.in_(knowledge_base_ids), plan.c.status == "active")
    found: defaultdict[UUID, list[PlanFact]] = defaultdict(list)
    rows = await session.execute(query.order_by(plan_price.c.currency, plan_price.c.amount, plan.c.id))
    for row in rows:
        found[row.knowledge_base_id].append(_offer(row).plan)
    return dict(found)


async def list_plans(
    session: Reader, *, knowledge_base_id: UUID, before: UUID | None, limit: int
) -> list[PlanFact]:
    """Every plan of the knowledge base that is or was for sale, newest first, from below ``before``."""
    query = _SELECT.where(plan.c.knowledge_base_id == knowledge_base_id, plan.c.status != "pending")
    if before is not None:
        query = query.where(plan.c.id < before)
    rows = await session.execute(query.order_by(plan.c.id.desc()).limit(limit))
    return [_offer(row).plan for row in rows]


async def plan_at_price(session: Reader, stripe_price_id: str) -> tuple[UUID, UUID] | None:
    """The plan and price (ids) that the processor's price belongs to, if it is one of ours."""
    query = sa.select(plan_price.c.plan_id, plan_price.c.id)
    row = (await session.execute(query.where(plan_price.c.stripe_price_id == stripe_price_id))).one_or_none()
    return None if row is None else (row.plan_id, row.id)


async def prices(session: Reader, ids: Collection[UUID]) -> dict[UUID, PriceFact]:
    """Prices by their ids, of now or of before."""
    rows = await session.execute(sa.select(plan_price).where(plan_price.c.id.in_(ids)))
    return {
        row.id: PriceFact(row.id, row.plan_id, Money(row.amount, row.currency), row.stripe_price_id)
        for row in rows
    }


async def days_of(session: Reader, plan_id: UUID) -> int | None:
    """How long a pass of this plan lasts."""
    days: int | None = await session.scalar(sa.select(plan.c.days).where(plan.c.id == plan_id))
    return days


_SELECT = sa.select(
    plan,
    plan_price.c.id.label("price_id"),
    plan_price.c.amount,
    plan_price.c.currency,
    plan_price.c.stripe_price_id,
).join(plan_price, sa.and_(plan_price.c.plan_id == plan.c.id, plan_price.c.current))


async def _one(session: Reader, *conditions: sa.ColumnElement[bool], lock: bool = False) -> Offer:
    query = _SELECT.where(*conditions)
    row = (await session.execute(query.with_for_update(of=plan) if lock else query)).one_or_none()
    if row is None:
        raise PlanNotFound("There is no such plan of this knowledge base.")
    return _offer(row)


def _offer(row: sa.Row[Any]) -> Offer:
    fact = PlanFact(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        interval=row.interval,
        days=row.days,
        price=Money(row.amount, row.currency),
        trial_days=row.trial_days,
        status=row.status,
        created_at=row.created_at,
    )
    return Offer(fact, row.price_id, row.stripe_product_id, row.stripe_price_id)


def _price_row(
    id: UUID, plan_id: UUID, price: Money, *, current: bool, stripe_price_id: str | None = None
) -> sa.Insert:
    return sa.insert(plan_price).values(
        id=id,
        plan_id=plan_id,
        amount=price.amount,
        currency=price.currency,
        current=current,
        stripe_price_id=stripe_price_id,
    )
