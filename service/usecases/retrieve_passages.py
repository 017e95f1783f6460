"""A program searches knowledge bases for passages: one metered call."""

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from billing.metering.counters import Pace
from billing.metering.reservations import ReservationExpired
from search.engine.port import PassageHit
from search.passages.hits import EditionLink
from search.passages.places import locator_at
from service.access.calls import Call, KeyPrincipal
from service.platform.batcher import Overloaded
from service.platform.idempotency import Once
from service.usecases.admit_calls import admit_call
from service.usecases.answer_once import claim_metered, forget_call, keep_call, pass_again
from service.usecases.context import Context
from service.usecases.find_passages import find_passages
from service.usecases.owned_tasks import own
from service.usecases.settle_calls import Outcome, release_call, settle_call


@dataclass(frozen=True, slots=True)
class PassageFact:
    """``text`` is ``revision.text[start:end]``, in code points; ``score`` compares within one call only.
    ``superseded_by`` is the newest edition of the same work that the key may search."""

    knowledge_base_id: UUID
    document_id: UUID
    revision_id: UUID
    title: str
    locator: dict[str, Any]
    start: int
    end: int
    text: str
    score: float
    superseded_by: EditionLink | None = None


@dataclass(frozen=True, slots=True)
class PassagesUsage:
    """Units of the meter ``passages``."""

    billed_units: int


@dataclass(frozen=True, slots=True)
class PassagesFact:
    """What a search found, best first; ``cap_remaining`` in minor units, ``None`` without a cap.

    ``pace`` is of this moment, and not kept with the rest.
    """

    passages: list[PassageFact]
    usage: PassagesUsage
    cap_remaining: int | None
    pace: Pace | None = None


async def retrieve_passages(
    context: Context,
    *,
    id: UUID,
    principal: KeyPrincipal,
    knowledge_base_ids: tuple[UUID, ...],
    query: str,
    top_k: int,
    once: Once | None,
) -> PassagesFact:
    """The passages that this key may see, billed as one unit, found or not.

    Raises what ``admit_call`` raises, ``EngineUnavailable`` (unbilled), ``IdempotencyConflict`` and
    ``IdempotencyInProgress``. A caller who leaves before the search is done is not billed.
    """
    claimed = await claim_metered(context, once, PassagesFact, id)
    if isinstance(claimed, PassagesFact):
        await pass_again(
            context,
            principal=principal,
            meter="passages",
            knowledge_base_ids=knowledge_base_ids,
            grounds={},
            call_id=id,
        )
        return claimed
    left = asyncio.Event()
    call = Call(claimed.id, principal, "passages", knowledge_base_ids, resumed=claimed.resumed)
    working = own(_search(context, call, query=query, top_k=top_k, once=once, left=left))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        left.set()
        raise


async def _search(
    context: Context, call: Call, *, query: str, top_k: int, once: Once | None, left: asyncio.Event
) -> PassagesFact:
    try:
        admission = await admit_call(context, call)
        try:
            hits = await find_passages(context, admission.scope, query, limit=top_k)
            if left.is_set():
                raise asyncio.CancelledError
        except BaseException:
            await release_call(context, admission)
            raise
    except BaseException:
        if not call.resumed:  # else it may have been billed before
            await forget_call(context, once)
        raise
    drawn: dict[UUID, int] = {}
    for hit in hits:
        drawn[hit.knowledge_base_id] = drawn.get(hit.knowledge_base_id, 0) + 1
    outcome = Outcome(units=1, drawn_from=tuple(drawn), citations=drawn)
    try:
        settlement = await settle_call(context, admission, outcome)
    except (Overloaded, ReservationExpired):
        await forget_call(context, once)
        raise
    # After anything else it may have been billed: the claim runs out by itself, and whoever takes it over
    # finds out.
    found = PassagesFact(
        [_fact(hit) for hit in hits], PassagesUsage(settlement.billed_units), settlement.cap_remaining
    )
    await keep_call(context, once, found)
    return dataclasses.replace(found, pace=admission.pace)


def _fact(hit: PassageHit) -> PassageFact:
    return PassageFact(
        knowledge_base_id=hit.knowledge_base_id,
        document_id=hit.document_id,
        revision_id=hit.revision_id,
        title=hit.title,
        locator=locator_at(hit.locator, hit.start),
        start=hit.start,
        end=hit.end,
        text=hit.text,
        score=hit.score,
        superseded_by=hit.superseded_by,
    )
