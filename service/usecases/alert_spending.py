"""An organization hears that it, or one of its keys, has spent a share of a cap."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering import alerts
from billing.metering.alerts import Passed
from billing.money import Money
from service.accounts import organizations
from service.mail.letters import write
from service.outgoing.events import announce
from service.platform.jobs import defer
from service.usecases.context import Context


async def alert_soon(session: AsyncSession, marks: Sequence[Passed]) -> None:
    """Has the marks told after the caller's transaction; what was told this month is not told again."""
    for mark in await alerts.keep(session, marks):
        await defer(
            session,
            "alert_spending",
            subject_id=str(mark.subject_id),
            month=mark.month.isoformat(),
            percent=mark.percent,
        )


async def alert_spending(context: Context, *, subject_id: str, month: str, percent: int) -> None:
    """Tells the organization's endpoints, and writes to whoever runs it. Once, however often it is called."""
    currency = context.settings.currency
    async with context.database.transaction() as session:
        mark = await alerts.tell_once(
            session, subject_id=UUID(subject_id), month=date.fromisoformat(month), percent=percent
        )
        if mark is None:
            return
        key_id = None if mark.subject_id == mark.organization_id else mark.subject_id
        await announce(
            session,
            "usage.alert",
            organization_id=mark.organization_id,
            object_id=mark.subject_id,
            data={
                "key_id": None if key_id is None else str(key_id),
                "month": f"{mark.month:%Y-%m}",
                "percent": mark.percent,
                "cap": Money(mark.cap, currency),
                "spent": Money(mark.spent, currency),
            },
        )
        name = await organizations.name_of(session, mark.organization_id)
        for account_id in await organizations.managers_of(session, mark.organization_id):
            await write(
                session,
                "spend_alert",
                account_id=account_id,
                key=f"spend_alert:{mark.subject_id}:{month}:{percent}:{account_id}",
                facts={
                    "organization": name,
                    "percent": percent,
                    "amount": mark.spent,
                    "cap": mark.cap,
                    "currency": currency,
                },
            )
