"""Subscriptions a reader has and had."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.http.login import Person
from service.http.paging import Page, PageRequest, decode_cursor, encode_cursor
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.subscriber_api.schemas import RefundBody, Subscription, SubscriptionChanges
from service.usecases import change_subscription, list_subscriptions, request_refund
from service.usecases.context import Context
from service.usecases.request_refund import RefundRequestFact


@get("/subscriptions")
async def list_own(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[Subscription]:
    """Newest first."""
    bound = f"subscriptions:{person.account_id}"
    before = UUID(decode_cursor(page.cursor, bound)[0]) if page.cursor else None
    found = await list_subscriptions.list_subscriptions(
        context, account_id=person.account_id, before=before, limit=page.limit + 1
    )
    shown = [Subscription.of(fact) for fact in found[: page.limit]]
    more = len(found) > page.limit
    return Page(data=shown, next_cursor=encode_cursor([shown[-1].id], bound) if more else None)


@get("/subscriptions/{subscription_id:uuid}")
async def read(
    subscription_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> Subscription:
    """One of one's own."""
    return Subscription.of(
        await list_subscriptions.read_subscription(context, id=subscription_id, account_id=person.account_id)
    )


@patch("/subscriptions/{subscription_id:uuid}")
async def change(
    subscription_id: FromPath[UUID],
    data: JSONBody[SubscriptionChanges],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> Subscription:
    """Another plan, or whether it ends with the period paid for."""
    return Subscription.of(
        await change_subscription.change_subscription(
            context,
            id=subscription_id,
            account_id=person.account_id,
            plan_id=data.plan_id,
            cancel_at_period_end=data.cancel_at_period_end,
        )
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


handlers = [list_own, read, change, cancel, ask_refund]
