"""What each check of an invariant found when it ran last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.platform.tables import invariant_check


@dataclass(frozen=True)
class Checked:
    """``faults`` are sentences, none when all is well. By the machine's clock."""

    name: str
    faults: list[str]
    checked_at: datetime


async def keep(session: AsyncSession, found: Mapping[str, Sequence[str]]) -> None:
    """What the checks of these names found just now."""
    for name in sorted(found):
        made = insert(invariant_check).values(name=name, faults=list(found[name]))
        await session.execute(
            made.on_conflict_do_update(
                index_elements=[invariant_check.c.name],
                set_={"faults": made.excluded.faults, "checked_at": sa.func.now()},
            )
        )


async def forget_others(session: AsyncSession, names: Sequence[str]) -> None:
    """Checks that there are no more, as after an upgrade, have found nothing."""
    await session.execute(sa.delete(invariant_check).where(invariant_check.c.name.not_in(names)))


async def kept(session: AsyncSession | AsyncConnection) -> dict[str, Checked]:
    """By name."""
    rows = await session.execute(sa.select(invariant_check))
    return {row.name: Checked(row.name, row.faults, row.checked_at) for row in rows}
