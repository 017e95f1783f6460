"""Setup intents: a way to pay is looked at and kept, and nothing is charged."""

from copy import deepcopy
from typing import Any

from billing.sandbox.cards import REASONS, card_of
from billing.sandbox.charging import attach
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store


async def new_setup(store: Store, **fields: Any) -> Body:
    """A setup intent that waits for a payment method."""
    id = new_id("seti")
    body: Body = {
        "automatic_payment_methods": None,
        "client_secret": f"{id}_secret_{new_id('x', 20)[2:]}",
        "created": store.now,
        "livemode": False,
        "metadata": {},
        "payment_method_types": ["card", "sepa_debit"],
        "status": "requires_payment_method",
        "usage": "off_session",
    }
    return await store.created(build("setup_intent", id=id, **{**body, **fields}))


async def set_up(store: Store, intent: Body, method: Body, *, authenticated: bool | None = None) -> Body:
    """Looks at the method, and keeps it with the intent's customer; the outcome is in ``status``."""
    card = card_of(method)
    before = deepcopy(intent)
    intent.update(payment_method=method["id"], next_action=None, last_setup_error=None)
    if card.now == "authenticates" and authenticated is None:
        intent["status"] = "requires_action"
        url = f"{store.config.public_url}/pay"
        intent["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": None, "url": url},
        }
        return await store.changed(before, intent, "setup_intent.requires_action")
    refused = None
    if card.now == "declined":
        refused = card.decline_code
    elif card.now == "authenticates" and not authenticated:
        refused = "authentication_failed"
    if refused is not None:
        code, message = REASONS[refused]
        intent.update(
            status="requires_payment_method",
            payment_method=None,
            last_setup_error={
                "code": code,
                "decline_code": refused,
                "doc_url": f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}",
                "message": message,
                "payment_method": method,
                "type": "card_error",
            },
        )
        return await store.changed(before, intent, "setup_intent.setup_failed")
    if intent["customer"]:
        await attach(store, method, intent["customer"])
    intent["status"] = "succeeded"
    return await store.changed(before, intent, "setup_intent.succeeded")
