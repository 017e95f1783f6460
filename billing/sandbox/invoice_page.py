"""What the hosted page of an open invoice does when a card comes in."""

from copy import deepcopy

from billing.sandbox import invoicing
from billing.sandbox.cards import CARDS, REASONS, new_method
from billing.sandbox.changing import settle_pending
from billing.sandbox.charging import attach, check_card
from billing.sandbox.local_time import local
from billing.sandbox.paying import Asked, Payer, Refused
from billing.sandbox.shape import Body
from billing.sandbox.store import Store
from billing.sandbox.subscribing import after_invoice


async def pay_invoice(store: Store, invoice: Body, payer: Payer) -> Refused | Asked | None:
    """Pays it, and keeps the card for its subscription; None when it is paid, or on its way.

    Raises ``ApiError`` 404 for a number that is no test card.
    """
    number = check_card(payer.card)
    if CARDS[number].now == "authenticates" and payer.authenticated is None:
        return Asked(number)
    store = await local(store, invoice)
    method = await store.put(new_method(number, store.now, email=invoice["customer_email"], name=payer.name))
    method = await attach(store, method, invoice["customer"])
    invoice = await invoicing.collect(
        store, invoice, method, off_session=False, authenticated=payer.authenticated, by_hand=True
    )
    await after_invoice(store, invoice)
    await settle_pending(store, invoice)
    intent = await store.get(invoice["_intent"], "payment_intent")
    if intent["status"] == "requires_payment_method":
        error = intent["last_payment_error"]
        code = str(error["decline_code"] or error["code"])
        return Refused(code, REASONS[code][1])
    await _keep(store, invoice, method)
    return None


async def _keep(store: Store, invoice: Body, method: Body) -> None:
    details = (invoice["parent"] or {}).get("subscription_details")
    subscription = await store.find(details["subscription"], "subscription") if details else None
    if subscription is not None:
        before = deepcopy(subscription)
        subscription["default_payment_method"] = method["id"]
        await store.changed(before, subscription)
