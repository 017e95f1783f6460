"""Subscriptions a reader has and had."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.subscriber_api.schemas import PortalBody, RefundBody, SubscriptionChanges
from service.usecases import change_subscription, list_subscriptions, open_portal, request_refund
from service.usecases.context import Context
from service.usecases.list_subscriptions import PaidInvoice, ShownSubscription
from service.usecases.open_portal import PortalOpened
from service.usecases.request_refund import RefundRequestFact


@get("/subscriptions")
async def list_own(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[ShownSubscription]:
    """Newest first."""
    bound = f"subscriptions:{person.account_id}"
    rows = await list_subscriptions.list_subscriptions(
        context, account_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/subscriptions/{subscription_id:uuid}")
async def read(
    subscription_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> ShownSubscription:
    """One of one's own."""
    return await list_subscriptions.read_subscription(
        context, id=subscription_id, account_id=person.account_id
    )


@get("/subscriptions/{subscription_id:uuid}/invoices")
async def list_invoices(
    subscription_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[PaidInvoice]:
    """What was paid for it, newest first."""
    bound = f"invoices:{person.account_id}:{subscription_id}"
    rows = await list_subscriptions.list_invoices(
        context,
        subscription_id=subscription_id,
        account_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@patch("/subscriptions/{subscription_id:uuid}")
async def change(
    subscription_id: FromPath[UUID],
    data: JSONBody[SubscriptionChanges],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> ShownSubscription:
    """Another plan, or whether it ends with the period paid for.

    More to pay begins at once, and stays pending until it is paid; less begins with the next period. The
    plan one has takes back what is pending.
    """
    return await change_subscription.change_subscription(
        context,
        id=subscription_id,
        account_id=person.account_id,
        plan_id=data.plan_id,
        cancel_at_period_end=data.cancel_at_period_end,
    )


@delete("/subscriptions/{subscription_id:uuid}")
async def cancel(
    subscription_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> None:
    """Ends it, and its access, at once."""
    await change_subscription.cancel_subscription(context, id=subscription_id, account_id=person.account_id)


@post("/subscriptions/{subscription_id:uuid}/refund-request")
async def ask_refund(
    subscription_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[RefundBody | None] = None,
) -> RefundRequestFact:
    """Kept for the creator to answer."""
    return await request_refund.request_refund(
        context,
        id=new_id(),
        subscription_id=subscription_id,
        account_id=person.account_id,
        reason=data.reason if data else "",
        once=once,
    )


@post("/subscriptions/{subscription_id:uuid}/portal")
async def portal(
    subscription_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[PortalBody | None] = None,
) -> PortalOpened:
    """A page of the payment processor's: cards, invoices, ending the subscription. It serves for minutes."""
    return await open_portal.open_portal(
        context,
        subscription_id=subscription_id,
        account_id=person.account_id,
        return_url=data.return_url if data else None,
        once=once,
    )


handlers = [list_own, read, list_invoices, change, cancel, ask_refund, portal]
