"""Included units that refused calls gave back go to calls that were billed meanwhile."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering.included import give_to_newest
from billing.metering.reservations import Freed
from service.platform.driver import driver_connection
from service.platform.jobs import defer
from service.usecases.context import Context


async def free_included(context: Context, *, organization_id: str, meter: str, month: str) -> None:
    """Until no included unit is left, or no call was billed. Safe at any time and any number of times."""
    while True:
        async with context.database.transaction() as session:
            gave = await give_to_newest(
                await driver_connection(session),
                organization_id=UUID(organization_id),
                meter=meter,
                month=date.fromisoformat(month),
            )
        if not gave:
            return


async def free_soon(session: AsyncSession, freed: Iterable[Freed]) -> None:
    """Has this looked at after the caller's transaction."""
    for organization_id, meter, month in sorted(freed):
        await defer(
            session,
            "free_included",
            queueing_lock=f"free_included:{organization_id}:{meter}:{month}",
            organization_id=str(organization_id),
            meter=meter,
            month=month.isoformat(),
        )
