"""Money that readers want back: refunds asked for and given, payments disputed with a bank."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from billing.money import Money
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import answer_refund_request, give_refund, submit_evidence
from service.usecases.answer_refund_request import RefundRequestFact, Status
from service.usecases.context import Context
from service.usecases.give_refund import RefundFact
from service.usecases.submit_evidence import DisputeFact, DisputeRead, EvidenceFact

Reason = Annotated[str, Meta(max_length=2000)]
Text = Annotated[str, Meta(min_length=1, max_length=20_000, pattern=r"\S")]


class RefundBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``amount`` as money, or in minor units of the sale's currency; left out, all that is left.

    ``end_subscription``: whether the subscription that was paid for ends at once; left out, it does when the
    whole of its latest payment is given back.
    """

    amount: Money | int | None = None
    reason: Reason = ""
    end_subscription: bool | None = None


class GrantRequestBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """As for a refund; its reason is the request's."""

    amount: Money | int | None = None
    end_subscription: bool | None = None


class DeclineBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """What the reader is told."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")]


class EvidenceBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``submit`` hands it to the bank, after which nothing can be added; else it is only laid ready."""

    text: Text
    submit: bool = True


@post("/sales/{sale_id:uuid}/refund")
async def refund(
    sale_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[RefundBody | None] = None,
) -> RefundFact:
    """Of a payment, whole or in part, as often as something is left. Your share of it goes with it."""
    wanted = data or RefundBody()
    return await give_refund.give_refund(
        context,
        refund_id=new_id(),
        actor_id=person.account_id,
        as_operator=False,
        sale_id=sale_id,
        amount=wanted.amount,
        reason=wanted.reason,
        end_subscription=wanted.end_subscription,
        once=once,
    )


@get("/sales/{sale_id:uuid}/refunds")
async def list_refunds(
    sale_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[RefundFact]:
    """Newest first, failed ones too."""
    bound = f"refunds {sale_id} {person.account_id}"
    rows = await give_refund.list_refunds(
        context,
        sale_id=sale_id,
        creator_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/refund-requests")
async def list_requests(
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    status: FromQuery[Status | None] = None,
) -> Page[RefundRequestFact]:
    """What readers asked for, newest first."""
    bound = f"refund requests to {person.account_id} {status}"
    rows = await answer_refund_request.list_requests(
        context,
        creator_id=person.account_id,
        status=status,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/refund-requests/{request_id:uuid}")
async def read_request(
    request_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> RefundRequestFact:
    """One of them."""
    return await answer_refund_request.read_request(context, id=request_id, creator_id=person.account_id)


@post("/refund-requests/{request_id:uuid}/grant", status_code=200)
async def grant_request(
    request_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[GrantRequestBody | None] = None,
) -> RefundRequestFact:
    """Gives the money back, all that is left or the amount named."""
    wanted = data or GrantRequestBody()
    return await answer_refund_request.grant_request(
        context,
        id=request_id,
        refund_id=new_id(),
        actor_id=person.account_id,
        as_operator=False,
        amount=wanted.amount,
        end_subscription=wanted.end_subscription,
        once=once,
    )


@post("/refund-requests/{request_id:uuid}/decline", status_code=200)
async def decline_request(
    request_id: FromPath[UUID],
    data: JSONBody[DeclineBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> RefundRequestFact:
    """Gives nothing back, and says why."""
    return await answer_refund_request.decline_request(
        context,
        id=request_id,
        actor_id=person.account_id,
        as_operator=False,
        answer=data.reason,
        once=once,
    )


@get("/disputes")
async def list_disputes(
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    status: FromQuery[Literal["open", "closed"] | None] = None,
) -> Page[DisputeFact]:
    """Payments that a reader's bank asks about, or has taken back; newest first."""
    bound = f"disputes {person.account_id} {status}"
    rows = await submit_evidence.list_disputes(
        context,
        creator_id=person.account_id,
        state=status,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/disputes/{dispute_id:uuid}")
async def read_dispute(
    dispute_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> DisputeRead:
    """One of them, and what was said in it."""
    return await submit_evidence.read_dispute(context, id=dispute_id, creator_id=person.account_id)


@post("/disputes/{dispute_id:uuid}/evidence")
async def send_evidence(
    dispute_id: FromPath[UUID],
    data: JSONBody[EvidenceBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> EvidenceFact:
    """What the bank is told: that it was delivered, used, agreed to."""
    return await submit_evidence.submit_evidence(
        context,
        id=new_id(),
        dispute_id=dispute_id,
        actor_id=person.account_id,
        as_operator=False,
        text=data.text,
        submit=data.submit,
        once=once,
    )


handlers = [
    refund,
    list_refunds,
    list_requests,
    read_request,
    grant_request,
    decline_request,
    list_disputes,
    read_dispute,
    send_evidence,
]
