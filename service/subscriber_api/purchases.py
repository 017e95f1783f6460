"""What a reader bought, and the way to ask for it back."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.subscriber_api.schemas import RefundBody
from service.usecases import list_purchases, request_refund
from service.usecases.context import Context
from service.usecases.list_purchases import Purchase
from service.usecases.request_refund import RefundRequestFact


@get("/purchases")
async def list_own(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[Purchase]:
    """Each payment with what came back of it and what it opened, newest first."""
    bound = f"purchases {person.account_id}"
    rows = await list_purchases.list_purchases(
        context, account_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/purchases/{sale_id:uuid}")
async def read(
    sale_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> Purchase:
    """One of one's own."""
    return await list_purchases.read_purchase(context, id=sale_id, account_id=person.account_id)


@post("/purchases/{sale_id:uuid}/refund-request")
async def ask_refund(
    sale_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[RefundBody | None] = None,
) -> RefundRequestFact:
    """Kept for the creator to answer: of one payment, be it a period, a pass or a tip."""
    return await request_refund.request_refund_of_purchase(
        context,
        id=new_id(),
        sale_id=sale_id,
        account_id=person.account_id,
        reason=data.reason if data else "",
        once=once,
    )


@get("/refund-requests")
async def list_requests(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[RefundRequestFact]:
    """What you asked for and how it was answered, newest first."""
    bound = f"refund requests by {person.account_id}"
    rows = await request_refund.list_requests(
        context, account_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/refund-requests/{request_id:uuid}")
async def read_request(
    request_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> RefundRequestFact:
    """One of one's own."""
    return await request_refund.read_request(context, id=request_id, account_id=person.account_id)


@post("/refund-requests/{request_id:uuid}/withdraw", status_code=200)
async def withdraw_request(
    request_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> RefundRequestFact:
    """Takes a request back that was not answered."""
    return await request_refund.withdraw_request(
        context, id=request_id, account_id=person.account_id, once=once
    )


handlers = [list_own, read, ask_refund, list_requests, read_request, withdraw_request]
