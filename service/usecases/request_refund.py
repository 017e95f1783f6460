"""Whoever paid asks for the money back, looks at what was asked, and takes it back."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.refunds import giving, requests, taking
from billing.refunds.giving import NothingToRefund
from billing.refunds.requests import RefundRequestFact as RefundRequestFact
from billing.refunds.requests import Status as Status
from billing.refunds.taking import Sale
from billing.subscriptions import projecting
from service.outgoing.events import announce
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context


async def request_refund(
    context: Context, *, id: UUID, subscription_id: UUID, account_id: UUID, reason: str, once: Once | None
) -> RefundRequestFact:
    """Asks for the subscription's latest payment. Kept until it is answered.

    Raises ``SubscriptionNotFound``, ``NothingToRefund`` and ``RefundAlreadyRequested``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, RefundRequestFact)) is not None:
            return kept
        await projecting.find(session, id=subscription_id, account_id=account_id)
        paid = await taking.latest_of(session, subscription_id)
        if paid is None:
            raise NothingToRefund("Nothing was paid for this subscription yet.")
        made = await _asked(session, paid, id=id, account_id=account_id, reason=reason)
        await keep(session, once, made)
        return made


async def request_refund_of_purchase(
    context: Context, *, id: UUID, sale_id: UUID, account_id: UUID, reason: str, once: Once | None
) -> RefundRequestFact:
    """Asks for one payment: a period, a pass or a tip. Kept until it is answered.

    Raises ``SaleNotFound``, ``NothingToRefund`` and ``RefundAlreadyRequested``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, RefundRequestFact)) is not None:
            return kept
        paid = await taking.find(session, id=sale_id, account_id=account_id)
        made = await _asked(session, paid, id=id, account_id=account_id, reason=reason)
        await keep(session, once, made)
        return made


async def withdraw_request(
    context: Context, *, id: UUID, account_id: UUID, once: Once | None
) -> RefundRequestFact:
    """Takes a request back. Raises ``RefundRequestNotFound`` and ``RefundRequestClosed``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, RefundRequestFact)) is not None:
            return kept
        await requests.find(session, id=id, account_id=account_id)
        await requests.close(session, id, status="withdrawn", by=account_id)
        withdrawn = await requests.find(session, id=id)
        await tell_creator(session, "refund.request_closed", withdrawn)
        await keep(session, once, withdrawn)
        return withdrawn


async def read_request(context: Context, *, id: UUID, account_id: UUID) -> RefundRequestFact:
    """One of one's own. Raises ``RefundRequestNotFound``."""
    async with context.database.reading() as connection:
        return await requests.find(connection, id=id, account_id=account_id)


async def list_requests(
    context: Context, *, account_id: UUID, before: UUID | None, limit: int
) -> list[RefundRequestFact]:
    """One's own, newest first, from below the id ``before``."""
    async with context.database.reading() as connection:
        return await requests.list_of(connection, account_id=account_id, before=before, limit=limit)


async def tell_creator(session: AsyncSession, type: str, request: RefundRequestFact) -> None:
    """Announces what became of a request; who asks is not said."""
    sold = await taking.find(session, id=request.sale_id)
    if sold.creator_id is None:
        return
    data = {
        "id": request.id,
        "sale_id": request.sale_id,
        "kind": request.kind,
        "paid": request.paid,
        "reason": request.reason,
        "status": request.status,
        "created_at": request.created_at,
    }
    await announce(session, type, account_id=sold.creator_id, object_id=request.id, data=data)


async def _asked(
    session: AsyncSession, paid: Sale, *, id: UUID, account_id: UUID, reason: str
) -> RefundRequestFact:
    if await giving.left_of(session, paid) == 0:
        raise NothingToRefund("Nothing is left of this payment to give back.")
    made = await requests.ask(session, paid, id=id, account_id=account_id, reason=reason)
    await tell_creator(session, "refund.requested", made)
    return made
