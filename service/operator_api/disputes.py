"""Disputes: who took money back through their bank, what was answered, and whose fault it was."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import settle_dispute, submit_evidence
from service.usecases.context import Context
from service.usecases.submit_evidence import DisputeFact, DisputeRead, EvidenceFact

Stands = Annotated[
    Literal["open", "closed"] | None, QueryParameter(name="state", description="Open, or decided.")
]


class EvidenceBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the bank is told; without ``submit`` it is laid ready, and the newest text counts."""

    text: Annotated[str, Meta(min_length=1, max_length=20_000)]
    submit: bool = False


class FaultBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who bears the fee of a lost dispute; null leaves it to the bank's reason."""

    creator_at_fault: bool | None


@get("/disputes")
async def list_disputes(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    stands: Stands = None,
) -> Page[DisputeFact]:
    """Everybody's, newest first."""
    bound = f"all disputes {stands} {operator.account_id}"
    rows = await submit_evidence.list_disputes(
        context, creator_id=None, state=stands, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/disputes/{dispute_id:uuid}")
async def read_dispute(
    dispute_id: FromPath[UUID], operator: NamedDependency[Person], context: NamedDependency[Context]
) -> DisputeRead:
    """A dispute and what was said in it."""
    return await submit_evidence.read_dispute(context, id=dispute_id, creator_id=None)


@post("/disputes/{dispute_id:uuid}/evidence")
async def send_evidence(
    dispute_id: FromPath[UUID],
    data: JSONBody[EvidenceBody],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> EvidenceFact:
    """Answers the buyer's bank."""
    return await submit_evidence.submit_evidence(
        context,
        id=new_id(),
        dispute_id=dispute_id,
        actor_id=operator.account_id,
        as_operator=True,
        text=data.text,
        submit=data.submit,
        once=once,
    )


@post("/disputes/{dispute_id:uuid}/fault", status_code=200)
async def judge(
    dispute_id: FromPath[UUID],
    data: JSONBody[FaultBody],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> DisputeFact:
    """Says whose fault it was."""
    return await settle_dispute.judge_dispute(
        context,
        id=dispute_id,
        operator_id=operator.account_id,
        creator_at_fault=data.creator_at_fault,
        once=once,
    )


handlers = [list_disputes, read_dispute, send_evidence, judge]
