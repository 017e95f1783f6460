"""Letters: written in the transaction that gives reason for them, sent after it."""

from collections.abc import Mapping
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from service.mail import tables
from service.platform.ids import new_id
from service.platform.jobs import defer

Letter = Literal[
    "receipt",
    "payment_failed",
    "renewal_notice",
    "price_change",
    "payout_sent",
    "refund_given",
    "dispute_opened",
    "spend_alert",
    "endpoint_disabled",
    "email_verification",
    "password_reset",
]
LETTERS: tuple[Letter, ...] = get_args(Letter)

Fact = str | int | bool | None

SEND = "send_letters"
"""The job that sends what waits."""


async def write(
    session: AsyncSession, letter: Letter, *, account_id: UUID, key: str, facts: Mapping[str, Fact]
) -> None:
    """Has a letter sent to the account's address once the caller commits; the same ``key`` only once, ever.

    Which ``facts`` a letter shows is said beside its text in ``service.mail.texts``; one it misses is left
    out with its line. An amount is in minor units, with its ``currency`` beside it; a moment is RFC 3339.
    """
    made = await session.execute(
        insert(tables.letter)
        .values(id=new_id(), key=key, kind=letter, account_id=account_id, facts=dict(facts))
        .on_conflict_do_nothing(constraint="letter_key_unique")
        .returning(tables.letter.c.id)
    )
    if made.one_or_none() is not None:
        await defer(session, SEND)
