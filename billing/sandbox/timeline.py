"""What happens by itself as time passes: renewals, drafts finalized, retries, expiries, settled balances."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import replace

from billing.sandbox import invoicing, scheduling
from billing.sandbox.booking import mature
from billing.sandbox.changing import settle_pending
from billing.sandbox.charging import decide_debit, resolve_method
from billing.sandbox.payouts import decide_payout
from billing.sandbox.period_lines import refresh_usage
from billing.sandbox.refunding import decide_refund
from billing.sandbox.settling import settle_intent
from billing.sandbox.shape import Body
from billing.sandbox.store import Origin, Store
from billing.sandbox.subscribing import after_invoice, default_method, renew

LONGEST = 10_000
"""Steps in one run; a clock advanced by centuries stops here rather than never."""


async def run(store: Store, until: int, clock: str | None = None) -> int:
    """Works everything due up to ``until``, in order of its time, and returns how much that was.

    At one moment schedules come first: a renewal bills what the new phase sells.
    ``clock`` names a test clock; without it, only what lives by the sandbox's own time is looked at.
    """
    for done in range(LONGEST):
        cursor = await store.connection.execute(
            "SELECT account, body, due FROM sandbox.object WHERE due <= %s AND clock IS NOT DISTINCT FROM %s"
            " ORDER BY due, type <> 'subscription_schedule', seq LIMIT 1",
            [until, clock],
        )
        row = await cursor.fetchone()
        if row is None:
            return done
        account, body, due = row
        await _STEPS[body["object"]](_of(store, account, due), body)
    return LONGEST


def _of(store: Store, account: str, due: int) -> Store:
    return replace(store, account=account, now=due, origin=Origin())


async def _invoice(store: Store, invoice: Body) -> None:
    if invoice.get("_pending"):
        invoice = await invoicing.close(store, invoice, "void")
        await settle_pending(store, invoice)
        return
    if invoice["status"] == "draft":
        await refresh_usage(store, invoice)
        invoice = await invoicing.finalize(store, invoice)
    details = (invoice["parent"] or {}).get("subscription_details")
    subscription = await store.find(details["subscription"]) if details else None
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        method = await _method(store, invoice, subscription)
        invoice = await invoicing.collect(store, invoice, method, off_session=True)
    if invoice["status"] != "paid" and invoice["_due"] is not None and invoice["_due"] <= store.now:
        invoice["_due"] = None
        await store.put(invoice)
    await after_invoice(store, invoice)


async def _method(store: Store, invoice: Body, subscription: Body | None) -> Body | None:
    if subscription is not None and not invoice["default_payment_method"]:
        return await default_method(store, subscription)
    customer = await store.get(invoice["customer"], "customer")
    id = invoice["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    return await resolve_method(store, id, customer["id"]) if id else None


async def _session(store: Store, session: Body) -> None:
    await expire_session(store, session)


async def expire_session(store: Store, session: Body) -> Body:
    """Closes an open checkout session."""
    before = deepcopy(session)
    session.update(status="expired", url=None, _due=None)
    return await store.changed(before, session, "checkout.session.expired")


async def _transaction(store: Store, transaction: Body) -> None:
    await mature(store, transaction)


async def _payout(store: Store, payout: Body) -> None:
    await decide_payout(store, payout, "paid")


async def _refund(store: Store, refund: Body) -> None:
    await decide_refund(store, refund, "failed" if refund["_becomes"] == "failed" else "succeeded")


async def _intent(store: Store, intent: Body) -> None:
    await settle_intent(store, await decide_debit(store, intent))


_STEPS: dict[str, Callable[[Store, Body], Awaitable[None]]] = {
    "subscription": renew,
    "subscription_schedule": scheduling.work,
    "invoice": _invoice,
    "payment_intent": _intent,
    "refund": _refund,
    "checkout.session": _session,
    "balance_transaction": _transaction,
    "payout": _payout,
}
