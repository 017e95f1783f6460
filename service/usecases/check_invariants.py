"""``zhihao doctor``: checks on live data that what must always hold, holds.

All checks run in one snapshot, so that they may run beside a live service, and none looks at what is merely
pending: work that is younger than ``PENDING`` is somebody's to finish.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import sqlalchemy as sa

from service.usecases.context import Context
from service.usecases.invariants.catalog import INVARIANTS
from service.usecases.invariants.invariant import Invariant

PENDING = timedelta(minutes=5)
SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """What one check found: nothing, or up to ``SHOWN`` faults."""

    name: str
    sentence: str
    faults: tuple[str, ...]


async def check_invariants(context: Context, invariants: Sequence[Invariant] = INVARIANTS) -> list[Finding]:
    """Runs these checks and returns what each found, in order."""
    values = {"pending": PENDING, "grace": timedelta(days=context.settings.grace_days)}
    findings = []
    async with context.database.transaction() as session:
        await session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        for invariant in invariants:
            statement = _first(invariant.faults)
            known = {name: values[name] for name in statement._bindparams}
            result = await session.execute(statement, known)
            findings.append(
                Finding(invariant.name, invariant.sentence, tuple(str(row.what) for row in result))
            )
    return findings


@cache
def _first(faults: str) -> sa.TextClause:
    # The doctor reads all of history; nothing else does.
    return sa.text(f"{faults} LIMIT {SHOWN}")
