"""A creator, or an operator, answers a buyer's bank."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from billing.processor import intents
from billing.processor.port import ProcessorRefused
from billing.refunds import disputes, evidence
from billing.refunds.disputes import DisputeFact as DisputeFact
from billing.refunds.evidence import EvidenceFact as EvidenceFact
from service.accounts import audit
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.usecases.context import Context


@dataclass(frozen=True)
class DisputeRead:
    """A dispute and what was said in it."""

    dispute: DisputeFact
    evidence: list[EvidenceFact]


async def submit_evidence(
    context: Context,
    *,
    id: UUID,
    dispute_id: UUID,
    actor_id: UUID,
    as_operator: bool,
    text: str,
    submit: bool,
    once: Once | None,
) -> EvidenceFact:
    """Sends the text to the bank, or without ``submit`` lays it ready; the newest text counts.

    Raises ``DisputeNotFound``, ``DisputeClosed``, ``ProcessorRefused`` and ``ProcessorUnavailable``; after
    the last it is not known to have arrived, and may be sent again.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, EvidenceFact)) is not None:
            return kept
        await disputes.find(session, id=dispute_id, creator_id=None if as_operator else actor_id, lock=True)
        stripe_dispute_id = await evidence.begin(
            session,
            id=id,
            dispute_id=dispute_id,
            author_id=actor_id,
            as_operator=as_operator,
            text=text,
            submitted=submit,
        )
        await intents.begin(
            session,
            id=id,
            kind="evidence",
            subject_id=dispute_id,
            idempotency_key=f"evidence:{id}",
            request={"dispute": stripe_dispute_id, "submit": submit},
        )
        await audit.record(
            session,
            actor_id=actor_id,
            action="dispute.evidence",
            subject=dispute_id,
            detail={"submit": submit, "as_operator": as_operator},
        )
    async with forgotten_on_failure(context.database, once):
        try:
            await context.payments.send_evidence(
                stripe_dispute_id, text=text, submit=submit, idempotency_key=f"evidence:{id}"
            )
        except ProcessorRefused as refused:
            async with context.database.transaction() as session:
                await intents.refused(session, id, error=str(refused))
                await evidence.finish(session, id, "refused")
            raise
        async with context.database.transaction() as session:
            await intents.done(session, id, result_id=stripe_dispute_id)
            sent = await evidence.finish(session, id, "sent")
            await keep(session, once, sent)
        return sent


async def read_dispute(context: Context, *, id: UUID, creator_id: UUID | None) -> DisputeRead:
    """A dispute of this creator's sales, or with None any. Raises ``DisputeNotFound``."""
    async with context.database.reading() as connection:
        found = await disputes.find(connection, id=id, creator_id=creator_id)
        return DisputeRead(found, await evidence.list_of(connection, id))


async def list_disputes(
    context: Context,
    *,
    creator_id: UUID | None,
    state: Literal["open", "closed"] | None,
    before: UUID | None,
    limit: int,
) -> list[DisputeFact]:
    """Of this creator's sales, or with None all; newest first, from below the id ``before``."""
    async with context.database.reading() as connection:
        return await disputes.listed(
            connection, creator_id=creator_id, state=state, before=before, limit=limit
        )
