"""A subscription is what Stripe says it is, and its grant with it, in one transaction.

So nobody sees a subscription ``active`` without its grant.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering import contracts
from billing.money import Money
from billing.plans import catalog
from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import InvoiceSnapshot, ProcessorObjectMissing, SubscriptionSnapshot
from billing.subscriptions import changes, checkouts, projecting
from billing.subscriptions.projecting import LIVE, UNPAID, SubscriptionFact
from billing.subscriptions.references import Reference, reference_from
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.grant_subscription import grant_subscription
from service.usecases.tell_of_contract import tell_of_contract
from service.usecases.tell_of_subscription import tell_of_subscription

log = structlog.get_logger(__name__)


async def settle_subscription(
    context: Context,
    *,
    subscription_id: str,
    lane: Lane | None = None,
    gone: Callable[[], SubscriptionSnapshot | None] = lambda: None,
) -> str:
    """Looks at the subscription and writes what it is. ``gone`` tells its last state, if it is forgotten.

    Raises ``ProcessorUnavailable``, ``LaneLost``.
    """
    try:
        snapshot = await context.payments.retrieve_subscription(subscription_id)
    except ProcessorObjectMissing:
        last = gone()
        if last is None:
            return "unknown to Stripe"
        snapshot = replace(last, status="canceled")
    written = await write_subscription(context, snapshot, lane=lane)
    return "not ours" if written is None else snapshot.status


async def write_subscription(
    context: Context, snapshot: SubscriptionSnapshot, *, lane: Lane | None = None
) -> SubscriptionFact | Reference | None:
    """Writes a fetched subscription, and ends it at once if its reader had one already.

    Returns the subscription, the reference of a contract, or None for one that is not of this service.
    """
    reference = reference_from(snapshot.metadata)
    if reference is None:
        return None
    if reference.kind == "contract" and reference.organization_id is not None:
        async with context.database.transaction() as session:
            await inbox.guard(session, lane)
            before = await contracts.find(session, reference.organization_id, lock=True)
            await contracts.project(session, organization_id=reference.organization_id, subscription=snapshot)
            await tell_of_contract(session, before, organization_id=reference.organization_id)
        return reference
    if reference.account_id is None or reference.knowledge_base_id is None or reference.creator_id is None:
        return None
    if _unpaid_first(snapshot):
        snapshot = replace(snapshot, status="incomplete")
    due = _due(snapshot)
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        price_id = snapshot.price_ids[0] if snapshot.price_ids else ""
        known = await projecting.known(session, snapshot.id)
        subscription = await projecting.project(
            session,
            id=new_id(),
            reference=reference,
            snapshot=snapshot,
            plan=await catalog.plan_at_price(session, price_id),
            ref=await checkouts.ref_of(session, reference.intent_id),
            due=due,
        )
        await _follow_change(session, subscription, snapshot)
        await grant_subscription(session, subscription, grace=timedelta(days=context.settings.grace_days))
        await tell_of_subscription(
            session,
            known,
            subscription,
            due=Money(due.amount_due, due.currency) if due else None,
            grace=timedelta(days=context.settings.grace_days),
        )
        standing = await projecting.live_of(
            session,
            account_id=subscription.account_id,
            knowledge_base_id=subscription.knowledge_base_id,
        )
    if subscription.status in LIVE and standing and standing[0].id != subscription.id:
        await _undo_second(context, snapshot)
    return subscription


def _unpaid_first(snapshot: SubscriptionSnapshot) -> bool:
    """Whether it runs by the processor's word alone: a first payment that comes later is on its way."""
    invoice = snapshot.latest_invoice
    return (
        snapshot.status == "active"
        and invoice is not None
        and invoice.reason == "subscription_create"
        and invoice.status == "open"
    )


def _due(snapshot: SubscriptionSnapshot) -> InvoiceSnapshot | None:
    """The invoice that its holder can pay: of a period, or of a change that waits for it."""
    invoice = snapshot.latest_invoice
    if invoice is None or invoice.status != "open":
        return None
    waits = snapshot.status in UNPAID | {"incomplete"} or snapshot.pending_price_id is not None
    return invoice if waits else None


async def _follow_change(
    session: AsyncSession, subscription: SubscriptionFact, snapshot: SubscriptionSnapshot
) -> None:
    """What was to become of it has come, or will not, or is now to be asked of the processor."""
    waits_for = None
    if snapshot.pending_price_id is not None:
        waits_for = await catalog.plan_at_price(session, snapshot.pending_price_id)
    change = await changes.follow(
        session, subscribed=subscription, snapshot=snapshot, waits_for=waits_for[1] if waits_for else None
    )
    if change is not None and (change.status not in changes.OPEN or change.is_due(subscription)):
        await settle_change_soon(session, subscription.id)


async def settle_change_soon(session: AsyncSession, subscription_id: UUID) -> None:
    """Has the subscription's open change seen to, after this transaction."""
    await defer(
        session,
        "settle_change",
        queueing_lock=f"settle_change:{subscription_id}",
        subscription_id=str(subscription_id),
    )


async def _undo_second(context: Context, snapshot: SubscriptionSnapshot) -> None:
    """Two pages were paid: the later subscription is ended and its money given back.

    Stripe's own events then tell us about both. A second try finds the one ended, the other returned.
    """
    log.warning("subscription.second", subscription=snapshot.id)
    with suppress(ProcessorObjectMissing):
        await context.payments.cancel_subscription(
            snapshot.id, invoice_now=False, idempotency_key=f"second:{new_id()}"
        )
    if snapshot.latest_invoice_id is None:
        return
    for charge in await context.payments.list_invoice_charges(snapshot.latest_invoice_id):
        if charge.refunded < charge.presented.amount:
            await context.payments.create_refund(
                charge.id,
                amount=None,
                metadata={"reason": "second_subscription"},
                # Stripe gives no charge back twice, whatever the key.
                idempotency_key=f"second:{new_id()}",
            )
