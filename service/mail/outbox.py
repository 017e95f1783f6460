"""Letters on their way: which are due, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Interval, bindparam, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.mail.letters import Fact, Letter
from service.mail.tables import letter

LONGEST_WAIT = timedelta(hours=6)

_CLAIM = text(
    """
    UPDATE letter SET next_at = now() + :lease WHERE id IN (
      SELECT id FROM letter WHERE state = 'waiting' AND next_at <= now()
      ORDER BY next_at LIMIT :most FOR UPDATE SKIP LOCKED
    ) RETURNING id, key, kind, account_id, facts, attempts, at
    """
).bindparams(bindparam("lease", type_=Interval))


@dataclass(frozen=True)
class Waiting:
    """A letter to be sent now."""

    id: UUID
    key: str
    kind: Letter
    account_id: UUID
    facts: Mapping[str, Fact]
    attempts: int
    at: datetime


async def claim(session: AsyncSession, *, most: int, lease: timedelta) -> list[Waiting]:
    """Letters that are due; nobody else gets them for the ``lease``."""
    return [Waiting(**row._mapping) for row in await session.execute(_CLAIM, {"most": most, "lease": lease})]


async def sent(session: AsyncSession, waiting: Waiting, *, forget: bool) -> None:
    """It is out. With ``forget`` nothing of what it said is kept."""
    await _end(session, waiting, "sent", None, forget=forget)


async def dropped(session: AsyncSession, waiting: Waiting) -> None:
    """There is nobody to send it to."""
    await _end(session, waiting, "dropped", None, forget=True)


async def dead(session: AsyncSession, waiting: Waiting, *, error: str) -> None:
    """It is given up; the doctor names it."""
    await _end(session, waiting, "dead", error, forget=False)


async def put_off(session: AsyncSession, waiting: Waiting, *, error: str, most_attempts: int) -> bool:
    """Tried again after 10 s, 30 s, 90 s, … up to six hours; False when it is given up instead."""
    if waiting.attempts + 1 >= most_attempts:
        await dead(session, waiting, error=error)
        return False
    wait = min(timedelta(seconds=10 * 3 ** min(waiting.attempts, 10)), LONGEST_WAIT)
    await session.execute(
        update(letter)
        .where(letter.c.id == waiting.id, letter.c.state == "waiting")
        .values(attempts=letter.c.attempts + 1, error=error, next_at=func.now() + wait)
    )
    return True


async def forget_account(session: AsyncSession, *, account_id: UUID) -> None:
    """Throws away what was, or is to be, written to an account."""
    await session.execute(delete(letter).where(letter.c.account_id == account_id))


async def purge(session: AsyncSession, *, kept: timedelta, limit: int = 5_000) -> int:
    """Forgets ended letters older than ``kept``, at most ``limit``; returns how many."""
    old = (
        select(letter.c.id)
        .where(letter.c.state.in_(("sent", "dropped")), letter.c.finished_at < func.now() - kept)
        .limit(limit)
    )
    gone = await session.execute(delete(letter).where(letter.c.id.in_(old)).returning(letter.c.id))
    return len(gone.all())


async def _end(
    session: AsyncSession, waiting: Waiting, state: str, error: str | None, *, forget: bool
) -> None:
    values: dict[str, object] = {"facts": {}} if forget else {}
    await session.execute(
        update(letter)
        .where(letter.c.id == waiting.id, letter.c.state == "waiting")
        .values(state=state, attempts=letter.c.attempts + 1, error=error, finished_at=func.now(), **values)
    )
