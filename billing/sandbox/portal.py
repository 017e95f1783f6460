"""What the customer portal's page shows and does."""

from copy import deepcopy
from typing import Any

from billing.sandbox.cards import CARDS, new_method
from billing.sandbox.charging import attach, check_card
from billing.sandbox.errors import missing_object
from billing.sandbox.local_time import local
from billing.sandbox.shape import Body
from billing.sandbox.store import Store
from billing.sandbox.subscribing import default_method

RUNNING = ("active", "trialing", "past_due", "unpaid")


async def _running(store: Store, customer: str) -> list[Body]:
    found = await store.select("subscription", customer=customer)
    return [one for one in found if one["status"] in RUNNING]


async def shown(store: Store, customer: str) -> dict[str, Any]:
    """The customer's plans, what each is called and paid with, and the invoices that are open."""
    subscriptions = await _running(store, customer)
    names: dict[str, str] = {}
    cards: dict[str, str] = {}
    for subscription in subscriptions:
        for item in subscription["items"]["data"]:
            product = await store.find(item["price"]["product"], "product")
            names[item["id"]] = product["name"] if product else "?"
        method = await default_method(store, subscription)
        cards[subscription["id"]] = method["_card"][-4:] if method else ""
    invoices = await store.select("invoice", customer=customer, status="open")
    return {"subscriptions": subscriptions, "names": names, "cards": cards, "invoices": invoices}


async def set_end(store: Store, customer: str, id: str, *, ends: bool) -> None:
    """Lets a plan end with its period, or go on. Raises ``ApiError`` 404 for another customer's.

    One whose changes are planned by a schedule is left to that, as Stripe's portal does.
    """
    subscription = next((one for one in await _running(store, customer) if one["id"] == id), None)
    if subscription is None:
        raise missing_object("subscription", id)
    if subscription["schedule"]:
        return
    store = await local(store, subscription)
    before = deepcopy(subscription)
    end = subscription["items"]["data"][0]["current_period_end"]
    subscription.update(
        cancel_at_period_end=ends,
        cancel_at=end if ends else None,
        canceled_at=store.now if ends else None,
        _due=end,
    )
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if ends else None
    await store.changed(before, subscription)


async def change_card(store: Store, customer_id: str, card: str) -> str | None:
    """Another card for everything that runs; the decline code of one that is no good, else None.

    Raises ``ApiError`` 404 for a number that is no test card.
    """
    number = check_card(card)
    if CARDS[number].now == "declined":
        return CARDS[number].decline_code
    customer = await store.get(customer_id, "customer")
    store = await local(store, customer)
    method = await store.put(new_method(number, store.now, email=customer["email"]))
    await attach(store, method, customer_id)
    before = deepcopy(customer)
    customer["invoice_settings"]["default_payment_method"] = method["id"]
    await store.changed(before, customer)
    for subscription in await _running(store, customer_id):
        if subscription["default_payment_method"]:
            was = deepcopy(subscription)
            subscription["default_payment_method"] = method["id"]
            await store.changed(was, subscription)
    return None
