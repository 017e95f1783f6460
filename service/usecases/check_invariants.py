"""``zhihao doctor``: checks on live data that what must always hold, holds.

All checks run in one snapshot, so that they may run beside a live service, and none looks at what is merely
pending: work that is younger than ``PENDING`` is somebody's to finish.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from service.usecases.context import Context
from service.usecases.invariants.catalog import INVARIANTS

PENDING = timedelta(minutes=5)
SHOWN = 20


@dataclass(frozen=True)
class Finding:
    """What one check found: nothing, or up to ``SHOWN`` faults."""

    name: str
    sentence: str
    faults: tuple[str, ...]


async def check_invariants(context: Context) -> list[Finding]:
    """Runs every check and returns what each found, in order."""
    findings = []
    async with context.database.transaction() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        for invariant in INVARIANTS:
            # The doctor reads all of history; nothing else does.
            result = await session.execute(text(f"{invariant.faults} LIMIT {SHOWN}"), {"pending": PENDING})
            findings.append(
                Finding(invariant.name, invariant.sentence, tuple(str(row.what) for row in result))
            )
    return findings
