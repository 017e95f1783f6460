"""Reads what an organization's calls came to, from the usage events themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from billing.metering import usage
from billing.metering.usage import Grouping, UsageLine
from service.accounts import api_keys
from service.accounts.organizations import Role, require_role
from service.platform.database import zhihao_now
from service.usecases.context import Context

READERS: tuple[Role, ...] = ("owner", "admin", "developer", "billing")


@dataclass(frozen=True)
class UsageFact:
    """The lines of every meter and group, and their sum; ``currency`` is the metering currency."""

    since: datetime
    until: datetime
    lines: list[UsageLine]
    currency: str

    @property
    def units(self) -> int:
        return sum(line.units for line in self.lines)

    @property
    def amount(self) -> int:
        return sum(line.amount for line in self.lines if line.currency == self.currency)


async def read_usage(
    context: Context,
    *,
    organization_id: UUID,
    account_id: UUID,
    since: datetime | None,
    until: datetime | None,
    group_by: Grouping | Literal["member"],
) -> UsageFact:
    """Usage in ``[since, until)``, by default of this UTC month. Amounts are standard prices plus creators'.

    Raises ``OrganizationNotFound`` for whoever is no member.
    """
    async with context.database.reading() as connection:
        await require_role(connection, organization_id, account_id, *READERS)
        first, after = month_of(await zhihao_now(connection))
        since, until = since or first, until or after
        by = "key" if group_by == "member" else group_by
        lines = await usage.read(connection, organization_id, since=since, until=until, group_by=by)
        if group_by == "member":
            lines = by_member(lines, await api_keys.makers_of(connection, organization_id))
    return UsageFact(since, until, lines, context.settings.currency)


def by_member(lines: Sequence[UsageLine], makers: Mapping[UUID, UUID]) -> list[UsageLine]:
    """Lines of keys, added up by who made the key; each sum is what its lines were."""
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for line in lines:
        place = (str(makers[UUID(line.group)]), line.meter, line.currency)
        units, amount = sums.get(place, (0, 0))
        sums[place] = (units + line.units, amount + line.amount)
    return [
        UsageLine(member, meter, units, amount, currency)
        for (member, meter, currency), (units, amount) in sorted(sums.items())
    ]


def month_of(now: datetime) -> tuple[datetime, datetime]:
    """The UTC month a moment is in, from its first instant to the next month's."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first, (first + timedelta(days=32)).replace(day=1)
