"""Forgets what has served its time: idempotency keys, dead sessions, old exports."""

from datetime import timedelta

from service.accounts import exports, sessions
from service.platform import idempotency
from service.usecases.context import Context


async def purge_expired(context: Context) -> None:
    """The periodic job. Works in small transactions, so that nobody waits for it."""
    settings = context.settings
    more = True
    while more:
        async with context.database.transaction() as session:
            more = bool(await idempotency.purge(session, kept_hours=settings.idempotency_hours))
    more = True
    while more:
        async with context.database.transaction() as session:
            lifetime = timedelta(days=settings.refresh_token_days)
            more = bool(await sessions.purge(session, lifetime=lifetime))
    async with context.database.transaction() as session:
        await exports.purge(session)
