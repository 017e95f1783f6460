"""Sets and shows the hard limit of what an organization may spend in each calendar month (UTC)."""

from uuid import UUID

from billing.metering import alerts, counters
from billing.metering.alerts import Passed
from billing.money import Money
from service.accounts import audit
from service.accounts.organizations import Role, require_role
from service.platform.database import zhihao_now
from service.platform.driver import driver_connection
from service.usecases.alert_spending import alert_soon
from service.usecases.context import Context
from service.usecases.read_usage import READERS, month_of

SETTERS: tuple[Role, ...] = ("owner", "admin", "billing")


class InvalidSpendCap(Exception):
    """A cap that cannot be held calls against; ``pointer`` names the field."""

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


async def read_spend_cap(context: Context, *, organization_id: UUID, account_id: UUID) -> Money | None:
    """For every member; ``None`` when there is no cap. Raises ``OrganizationNotFound``."""
    async with context.database.transaction() as session:
        await require_role(session, organization_id, account_id, *READERS)
        cap = await counters.cap_of(await driver_connection(session), organization_id)
    return None if cap is None else Money(*cap)


async def set_spend_cap(
    context: Context, *, organization_id: UUID, account_id: UUID, cap: Money | None
) -> Money | None:
    """In force for every call that arrives after this returns; ``None`` removes it, 0 stops every call.

    Calls admitted before keep what they reserved. Raises ``InvalidSpendCap``, ``OrganizationNotFound`` and
    ``RoleMissing``.
    """
    if cap is not None and cap.currency != context.settings.currency:
        raise InvalidSpendCap(f"metered calls are charged in {context.settings.currency}", "/currency")
    if cap is not None and cap.amount < 0:
        raise InvalidSpendCap("must not be negative", "/amount")
    async with context.database.transaction() as session:
        await require_role(session, organization_id, account_id, *SETTERS)
        await counters.set_cap(
            await driver_connection(session),
            organization_id,
            None if cap is None else (cap.amount, cap.currency),
        )
        if cap is not None:
            # Marks that what was spent before is beyond already.
            month = month_of(await zhihao_now(session))[0].date()
            spent = await counters.spent_of(await driver_connection(session), organization_id, month)
            beyond = alerts.passed(cap.amount, 0, spent, context.settings.alert_percents)
            await alert_soon(
                session,
                [Passed(organization_id, organization_id, month, one, cap.amount, spent) for one in beyond],
            )
        await audit.record(
            session,
            actor_id=account_id,
            organization_id=organization_id,
            action="spend_cap.set",
            subject=str(organization_id),
            detail={"amount": None if cap is None else cap.amount},
        )
    return cap
