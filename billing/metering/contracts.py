"""The metered plan of an organization, as Stripe's subscription says it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.metering.tables import contract
from billing.processor.port import SubscriptionSnapshot

ENDED = frozenset({"canceled", "incomplete_expired"})
UNPAID = frozenset({"past_due", "unpaid"})
RUNNING = frozenset({"active", "trialing"}) | UNPAID
"""Stripe's words for a contract in force. How long an unpaid one opens doors is a setting."""


class ContractExists(Exception):
    """The organization has a contract in force already."""


@dataclass(frozen=True, slots=True)
class ContractFact:
    """One organization's contract. ``checkout_url`` is set while it waits to be paid."""

    organization_id: UUID
    status: str
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    checkout_intent_id: UUID | None
    checkout_session_id: str | None
    checkout_url: str | None
    meter_prices: dict[str, str]
    price_terms: dict[str, tuple[int, int]]
    started_at: datetime | None
    unpaid_since: datetime | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    ending_at: datetime | None
    price_passages: int | None
    price_answers: int | None
    included_passages: int | None
    included_answers: int | None

    @property
    def running(self) -> bool:
        """Whether calls may be let in, as far as the contract goes."""
        return self.status in RUNNING and self.ending_at is None


async def find(
    session: AsyncSession | AsyncConnection, organization_id: UUID, *, lock: bool = False
) -> ContractFact | None:
    """The organization's contract, whatever its state; with ``lock``, held to the transaction's end."""
    columns = [contract.c[name] for name in ContractFact.__dataclass_fields__]
    query = sa.select(*columns).where(contract.c.organization_id == organization_id)
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else ContractFact(*row)


async def begin(session: AsyncSession, *, organization_id: UUID, intent_id: UUID) -> ContractFact:
    """Stores the intent to buy the contract, before Stripe is asked, and locks its row.

    An unpaid earlier intent is replaced. Raises ``ContractExists`` when one is in force.
    """
    now = sa.func.zhihao_now()
    await session.execute(
        insert(contract)
        .values(organization_id=organization_id, status="incomplete", created_at=now, updated_at=now)
        .on_conflict_do_nothing()
    )
    current = await find(session, organization_id, lock=True)
    assert current is not None
    if current.status in RUNNING:
        raise ContractExists("this organization has a contract already")
    await session.execute(
        sa.update(contract)
        .where(contract.c.organization_id == organization_id)
        .values(status="incomplete", checkout_intent_id=intent_id, updated_at=now)
    )
    return current


async def opened(
    session: AsyncSession,
    *,
    organization_id: UUID,
    intent_id: UUID,
    customer_id: str,
    checkout_session_id: str,
    checkout_url: str,
    meter_prices: Mapping[str, str],
    price_terms: Mapping[str, tuple[int, int]],
) -> None:
    """Records the payment page of an intent, unless a later intent has replaced it.

    ``meter_prices`` says of each price on it which meter it charges for, ``price_terms`` what a unit costs
    and how many a month are included.
    """
    await session.execute(
        sa.update(contract)
        .where(contract.c.organization_id == organization_id, contract.c.checkout_intent_id == intent_id)
        .values(
            stripe_customer_id=customer_id,
            checkout_session_id=checkout_session_id,
            checkout_url=checkout_url,
            meter_prices=contract.c.meter_prices.op("||")(sa.cast(dict(meter_prices), JSONB)),
            price_terms=contract.c.price_terms.op("||")(sa.cast(dict(price_terms), JSONB)),
            updated_at=sa.func.zhihao_now(),
        )
    )


async def project(
    session: AsyncSession, *, organization_id: UUID, subscription: SubscriptionSnapshot
) -> None:
    """Makes the contract what the fetched subscription says. Safe in any order and any number of times.

    An ended subscription never comes back, and says nothing about a newer one.
    """
    now = sa.func.zhihao_now()
    await session.execute(
        insert(contract)
        .values(organization_id=organization_id, status="incomplete", created_at=now, updated_at=now)
        .on_conflict_do_nothing()
    )
    current = await find(session, organization_id, lock=True)
    assert current is not None
    same = current.stripe_subscription_id == subscription.id
    if same and current.status in ENDED:
        return
    if (
        not same
        and current.stripe_subscription_id is not None
        and (subscription.status not in RUNNING or current.status in RUNNING)
    ):
        return
    if not same and current.stripe_subscription_id is not None:
        await session.execute(_INCLUDE_ANEW, {"organization_id": organization_id})
    unpaid = subscription.status in UNPAID
    await session.execute(
        sa.update(contract)
        .where(contract.c.organization_id == organization_id)
        .values(
            status=subscription.status,
            stripe_customer_id=subscription.customer_id,
            stripe_subscription_id=subscription.id,
            started_at=subscription.started_at,
            current_period_start=subscription.current_period_start,
            current_period_end=subscription.current_period_end,
            cancel_at_period_end=subscription.cancel_at_period_end,
            ending_at=contract.c.ending_at if same else None,
            **_terms(current, subscription),
            unpaid_since=sa.func.coalesce(contract.c.unpaid_since, now) if unpaid else None,
            checkout_url=None if subscription.status in RUNNING else contract.c.checkout_url,
            updated_at=now,
        )
    )


async def end(session: AsyncSession, organization_id: UUID) -> ContractFact | None:
    """From the commit on no call is let in under the contract; ``None`` when none is in force.

    The caller has locked the organization's counters, so that no call is being let in right now.
    """
    current = await find(session, organization_id, lock=True)
    if current is None or current.status not in RUNNING:
        return None
    await session.execute(
        sa.update(contract)
        .where(contract.c.organization_id == organization_id)
        .values(ending_at=sa.func.coalesce(contract.c.ending_at, sa.func.zhihao_now()))
    )
    return current


# The processor counts a new subscription's included units from nought.
_INCLUDE_ANEW = sa.text(
    """
    UPDATE spend_counter SET included_passages = 0, included_answers = 0
    WHERE subject_id = :organization_id AND month = date_trunc('month', zhihao_now() AT TIME ZONE 'UTC')::date
    """
)


def _terms(current: ContractFact, subscription: SubscriptionSnapshot) -> dict[str, int]:
    """What the subscription's prices say, as far as they are known."""
    terms: dict[str, int] = {}
    for price_id in subscription.price_ids:
        meter = current.meter_prices.get(price_id)
        if price_id in current.price_terms and meter in {"passages", "answers"}:
            terms[f"price_{meter}"], terms[f"included_{meter}"] = current.price_terms[price_id]
    return terms
