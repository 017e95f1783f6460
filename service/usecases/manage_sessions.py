"""Where a person is signed in: listed, and ended."""

from uuid import UUID

from service.accounts import sessions
from service.accounts.sessions import LoginSession
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context


async def list_sessions(
    context: Context, *, account_id: UUID, current: UUID, before: UUID | None, limit: int
) -> list[LoginSession]:
    """Newest first, below the id ``before``."""
    async with context.database.reading() as connection:
        return await sessions.list_live(
            connection, account_id=account_id, current=current, before=before, limit=limit
        )


async def end_session(context: Context, *, account_id: UUID, session_id: UUID) -> None:
    """Its refresh tokens and its access tokens are refused when this returns. Raises ``SessionNotFound``."""
    async with context.database.transaction() as session:
        await sessions.end_own(session, session_id=session_id, account_id=account_id)


async def log_out(context: Context, *, session_id: UUID, once: Once | None = None) -> None:
    """Ends the session that asks."""
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        await sessions.end(session, session_id=session_id)
        await keep(session, once, True)
