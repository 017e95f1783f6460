"""Erases a person at their own wish. The books are kept; they know the person by an id that leads nowhere."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts import (
    audit,
    email_tokens,
    exports,
    identities,
    invitations,
    organizations,
    people,
    reports,
    sessions,
)
from service.knowledge import knowledge_bases
from service.knowledge.cards import card_changed
from service.knowledge.indexing import index_lock
from service.mail import outbox
from service.outgoing import endpoints
from service.platform.jobs import defer
from service.usecases.context import Context


class OwnsPublished(Exception):
    """The account has knowledge bases for sale: readers and money hang on them."""


class OwnsOrganization(Exception):
    """The account is the only owner of an organization."""


# What other rooms keep about a person, beside money. Rows that must stay lose the person.
_FORGET = (
    "DELETE FROM profile WHERE account_id = :account_id",
    "DELETE FROM answer WHERE account_id = :account_id",
    "DELETE FROM conversation WHERE account_id = :account_id",
    "UPDATE receipt SET account_id = NULL WHERE account_id = :account_id",
    "UPDATE visit SET account_id = NULL WHERE account_id = :account_id",
    "UPDATE tip SET message = NULL WHERE account_id = :account_id",
    "UPDATE refund_request SET reason = '', answer = NULL WHERE account_id = :account_id",
    # What is owed to them can still be paid; after that, nobody needs to know where to.
    "UPDATE payout_account SET details = NULL WHERE account_id = :account_id AND NOT EXISTS ("
    " SELECT FROM ledger_account WHERE owner_id = :account_id GROUP BY currency HAVING sum(balance) < 0)",
)

_SUBSCRIPTIONS = """
    SELECT id FROM subscription
    WHERE account_id = :account_id AND ended_at IS NULL AND status NOT IN ('canceled', 'incomplete_expired')
"""


async def erase_account(context: Context, *, account_id: UUID) -> None:
    """Signed out and forgotten when this returns; running subscriptions are ended by a job.

    Drafts are deleted. Raises ``OwnsPublished`` and ``OwnsOrganization``: those are given up first.
    """
    async with context.database.transaction() as session:
        account = await people.lock(session, account_id)
        if await knowledge_bases.published_of(session, account_id):
            raise OwnsPublished("Unpublish your knowledge bases first.")
        if await organizations.owned_alone(session, account_id=account_id):
            raise OwnsOrganization("Make somebody else an owner of your organization first.")
        await _delete_drafts(session, account_id)
        for subscription_id in (
            await session.execute(text(_SUBSCRIPTIONS), {"account_id": account_id})
        ).scalars():
            await defer(session, "end_subscription", subscription_id=str(subscription_id))
        for statement in _FORGET:
            await session.execute(text(statement), {"account_id": account_id})
        await organizations.leave_all(session, account_id=account_id)
        await invitations.forget(session, email=account.email)
        await reports.forget_reporter(session, account_id=account_id)
        await exports.forget(session, account_id=account_id)
        await endpoints.forget_account(session, account_id=account_id)
        await outbox.forget_account(session, account_id=account_id)
        await email_tokens.forget(session, account_id=account_id)
        await identities.forget(session, account_id=account_id)
        await sessions.end_all(session, account_id=account_id)
        await sessions.forget_devices(session, account_id=account_id)
        await people.forget(session, account_id)
        await audit.record(session, actor_id=account_id, action="account.erased", subject=account_id)


async def end_subscription(context: Context, *, subscription_id: str) -> None:
    """The job: ends a subscription at the processor at once. Its webhook brings the state back to us."""
    async with context.database.reading() as connection:
        found = await connection.execute(
            text("SELECT stripe_subscription_id FROM subscription WHERE id = :id AND ended_at IS NULL"),
            {"id": UUID(subscription_id)},
        )
        processor_id = found.scalar_one_or_none()
    if processor_id is not None:
        await context.payments.cancel_subscription(
            processor_id, invoice_now=False, idempotency_key=f"erase-{subscription_id}"
        )


async def _delete_drafts(session: AsyncSession, account_id: UUID) -> None:
    drafts = text("SELECT id FROM knowledge_base WHERE owner_id = :account_id AND deleted_at IS NULL")
    for draft in (await session.execute(drafts, {"account_id": account_id})).scalars().all():
        await knowledge_bases.delete(session, id=draft)
        await card_changed(session, draft)
        await defer(session, "drop_index", lock=index_lock(draft), knowledge_base_id=str(draft))
