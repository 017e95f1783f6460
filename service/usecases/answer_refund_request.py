"""A creator, or an operator, answers who asks for money back."""

from uuid import UUID

from billing.money import Money
from billing.refunds import requests
from billing.refunds.requests import RefundRequestClosed
from billing.refunds.requests import RefundRequestFact as RefundRequestFact
from billing.refunds.requests import Status as Status
from service.accounts import audit
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.usecases.context import Context
from service.usecases.give_refund import give_refund
from service.usecases.request_refund import tell_creator


async def grant_request(
    context: Context,
    *,
    id: UUID,
    refund_id: UUID,
    actor_id: UUID,
    as_operator: bool,
    amount: Money | int | None,
    end_subscription: bool | None,
    once: Once | None,
) -> RefundRequestFact:
    """Gives back what was asked for, or ``amount`` of it. If the processor refuses, it is open again.

    Raises ``RefundRequestNotFound``, ``RefundRequestClosed`` and what ``give_refund`` raises.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, RefundRequestFact)) is not None:
            return kept
        request = await requests.find(session, id=id, creator_id=None if as_operator else actor_id)
        if request.status != "open":
            raise RefundRequestClosed("This request was answered or withdrawn already.")
    async with forgotten_on_failure(context.database, once):
        await give_refund(
            context,
            refund_id=refund_id,
            actor_id=actor_id,
            as_operator=as_operator,
            sale_id=request.sale_id,
            amount=amount,
            reason=request.reason,
            end_subscription=end_subscription,
            request_id=id,
            once=None,
        )
        async with context.database.transaction() as session:
            granted = await requests.find(session, id=id)
            await keep(session, once, granted)
        return granted


async def decline_request(
    context: Context, *, id: UUID, actor_id: UUID, as_operator: bool, answer: str, once: Once | None
) -> RefundRequestFact:
    """Gives nothing back, and says why. Raises ``RefundRequestNotFound`` and ``RefundRequestClosed``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, RefundRequestFact)) is not None:
            return kept
        await requests.find(session, id=id, creator_id=None if as_operator else actor_id)
        await requests.close(session, id, status="declined", by=actor_id, answer=answer)
        declined = await requests.find(session, id=id)
        await audit.record(session, actor_id=actor_id, action="refund_request.declined", subject=id)
        await tell_creator(session, "refund.request_closed", declined)
        await keep(session, once, declined)
        return declined


async def read_request(context: Context, *, id: UUID, creator_id: UUID | None) -> RefundRequestFact:
    """One to this creator, or with None any. Raises ``RefundRequestNotFound``."""
    async with context.database.reading() as connection:
        return await requests.find(connection, id=id, creator_id=creator_id)


async def list_requests(
    context: Context, *, creator_id: UUID | None, status: Status | None, before: UUID | None, limit: int
) -> list[RefundRequestFact]:
    """Those to this creator, or with None everybody's; newest first, from below the id ``before``."""
    async with context.database.reading() as connection:
        return await requests.list_of(
            connection, creator_id=creator_id, status=status, before=before, limit=limit
        )
