"""Forgets what has served its time: idempotency keys, dead sessions, told events, sent letters, exports,
tokens of letters, and sign-ins elsewhere that nobody came back from."""

from datetime import timedelta

from service.accounts import attempts, email_tokens, exports, sessions
from service.mail import outbox
from service.outgoing import deliveries
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
    more = True
    while more:
        async with context.database.transaction() as session:
            kept = timedelta(days=settings.outgoing_kept_days)
            more = bool(await deliveries.purge(session, kept=kept))
    more = True
    while more:
        async with context.database.transaction() as session:
            more = bool(await outbox.purge(session, kept=timedelta(days=settings.mail_kept_days)))
    async with context.database.transaction() as session:
        await exports.purge(session)
        await email_tokens.purge(session)
        await attempts.purge(session)
