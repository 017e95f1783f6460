"""A creator sells no more: pages that were opened and not paid are closed, so that nobody pays there now."""

from contextlib import suppress
from uuid import UUID

import structlog

from billing.processor.port import ProcessorRefused
from billing.subscriptions import closing
from service.knowledge import knowledge_bases
from service.usecases.context import Context
from service.usecases.index_card import suspended

log = structlog.get_logger(__name__)


async def close_checkouts(context: Context, *, creator_id: str) -> None:
    """Closes every unpaid page of the suspended creator's, tips included.

    Does nothing once the account was restored; may be run any number of times. A page that was paid
    meanwhile stays a sale. Raises ``ProcessorUnavailable``.
    """
    creator = UUID(creator_id)
    async with context.database.reading() as connection:
        if creator not in await suspended(connection, [creator]):
            return
        owned = await knowledge_bases.list_owned(connection, owner_id=creator)
    async with context.database.transaction() as session:
        waiting = await closing.take_out_of_use(
            session, creator_id=creator, knowledge_base_ids=[base.id for base in owned]
        )
    for checkout in waiting:
        if checkout.stripe_session_id is not None:
            with suppress(ProcessorRefused):
                await context.payments.expire_checkout(
                    checkout.stripe_session_id, idempotency_key=f"close:{checkout.id}"
                )
    log.info("checkouts.closed", creator=creator_id, count=len(waiting))
