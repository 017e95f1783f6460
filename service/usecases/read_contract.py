"""Shows an organization its contract."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from billing.metering import contracts
from billing.metering.contracts import ContractFact
from billing.money import Money
from service.access.admission import ContractRequired
from service.accounts.organizations import require_role
from service.platform.database import zhihao_now
from service.usecases.context import Context
from service.usecases.read_usage import READERS


@dataclass(frozen=True)
class MeterTerms:
    """What a unit costs, and how many a month cost nothing."""

    meter: str
    unit_price: Money
    included_units: int


@dataclass(frozen=True)
class ContractView:
    """``status`` in Stripe's words, or ``ending``. Calls are let in while ``open``; ``closes_at`` is when an
    unpaid invoice closes it."""

    status: str
    open: bool
    checkout_url: str | None
    meters: list[MeterTerms]
    started_at: datetime | None
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    unpaid_since: datetime | None
    closes_at: datetime | None


async def read_contract(context: Context, *, organization_id: UUID, account_id: UUID) -> ContractView:
    """For every member. Raises ``ContractRequired`` when none was ever begun, ``OrganizationNotFound``."""
    async with context.database.reading() as connection:
        await require_role(connection, organization_id, account_id, *READERS)
        fact = await contracts.find(connection, organization_id)
        now = await zhihao_now(connection)
    if fact is None:
        raise ContractRequired("this organization has no contract")
    settings = context.settings
    closes_at = None
    if fact.unpaid_since is not None:
        closes_at = fact.unpaid_since + timedelta(days=settings.grace_days)
    return ContractView(
        status="ending" if fact.ending_at is not None and fact.status in contracts.RUNNING else fact.status,
        open=fact.running and (closes_at is None or now < closes_at),
        checkout_url=fact.checkout_url,
        meters=_terms(context, fact),
        started_at=fact.started_at,
        current_period_start=fact.current_period_start,
        current_period_end=fact.current_period_end,
        cancel_at_period_end=fact.cancel_at_period_end,
        unpaid_since=fact.unpaid_since,
        closes_at=closes_at,
    )


def _terms(context: Context, fact: ContractFact) -> list[MeterTerms]:
    settings = context.settings

    def agreed(name: str) -> int:
        value = getattr(fact, name)
        return int(getattr(settings, name) if value is None else value)

    return [
        MeterTerms(meter, Money(agreed(f"price_{meter}"), settings.currency), agreed(f"included_{meter}"))
        for meter in ("passages", "answers")
    ]
