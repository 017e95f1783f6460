"""Letters that wait are sent, put off, or given up. One that was sent and not written down goes again."""

import asyncio
from datetime import timedelta

import structlog

from service.accounts import people
from service.mail import outbox
from service.mail.composing import compose
from service.mail.outbox import Waiting
from service.mail.port import MailRefused, MailUnavailable
from service.mail.texts import TEXTS
from service.platform.counts import LETTERS
from service.usecases.context import Context

log = structlog.get_logger(__name__)

LEASE_MARGIN_SECONDS = 60


async def send_letters(context: Context) -> None:
    """The job of every letter, and of the clock: sends what is due until nothing is."""
    settings = context.settings
    lease = timedelta(seconds=settings.mail_timeout_seconds + LEASE_MARGIN_SECONDS)
    while True:
        async with context.database.transaction() as session:
            due = await outbox.claim(session, most=settings.mail_concurrency, lease=lease)
        if not due:
            return
        await asyncio.gather(*(_send(context, waiting) for waiting in due))


async def _send(context: Context, waiting: Waiting) -> None:
    settings = context.settings
    async with context.database.reading() as connection:
        account = await people.reachable(connection, waiting.account_id)
    if account is None:
        async with context.database.transaction() as session:
            await outbox.dropped(session, waiting)
        LETTERS.labels(waiting.kind, "dropped").inc()
        return
    assert context.mail is not None, "a worker has a way out for letters"
    error, final = None, False
    try:
        message = compose(
            waiting.kind,
            key=waiting.key,
            facts=waiting.facts,
            to=account.email,
            name=account.display_name,
            sender=settings.mail_from,
            public_url=settings.public_url,
            at=waiting.at,
        )
        await context.mail.send(message, to=str(message["To"].addresses[0].addr_spec))
    except (ValueError, MailRefused) as refused:
        error, final = str(refused), True
    except MailUnavailable as unavailable:
        error = str(unavailable)
    async with context.database.transaction() as session:
        if error is None:
            await outbox.sent(session, waiting, forget=TEXTS[waiting.kind].secret)
        elif final:
            await outbox.dead(session, waiting, error=error)
        else:
            kept = await outbox.put_off(
                session, waiting, error=error, most_attempts=settings.mail_max_attempts
            )
            final = not kept
    LETTERS.labels(waiting.kind, "sent" if error is None else "dead" if final else "put_off").inc()
    if error is not None:
        # What a server says may name the address, which is not for logs.
        log.warning("letter.dead" if final else "letter.put_off", letter=str(waiting.id), kind=waiting.kind)
