"""Takes money: payment intents, charges, and the balance transactions they leave."""

from copy import deepcopy
from typing import Any

from billing.sandbox.booking import book
from billing.sandbox.cards import (
    CARDS,
    REASONS,
    TOKENS,
    Card,
    Outcome,
    card_details,
    card_of,
    debit_details,
    new_method,
)
from billing.sandbox.disputing import open_dispute
from billing.sandbox.errors import ApiError, invalid, missing_object
from billing.sandbox.fees import least_charge, processing_fee
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store


async def resolve_method(store: Store, id: str, customer: str | None = None) -> Body:
    """A stored payment method, or a new one for a ``pm_card_*`` token.

    Raises ``ApiError`` 404 for an unknown id, 400 for another customer's.
    """
    if id in TOKENS:
        method = new_method(TOKENS[id], store.now)
        return await store.put(method)
    method = await store.get(id, "payment_method", "payment_method")
    if method["customer"] not in (None, customer):
        raise invalid("The payment method belongs to another customer.", param="payment_method")
    return method


async def attach(store: Store, method: Body, customer: str) -> Body:
    """Gives the method to the customer."""
    if method["customer"] == customer:
        return method
    before = deepcopy(method)
    method["customer"] = customer
    return await store.changed(before, method, "payment_method.attached")


async def new_intent(store: Store, amount: int, currency: str, **fields: Any) -> Body:
    """A payment intent that waits for a way to pay. Raises ``ApiError`` 400 ``amount_too_small``."""
    if amount < least_charge(currency):
        raise invalid(
            f"Amount must be at least {least_charge(currency)} in {currency}.",
            param="amount",
            code="amount_too_small",
        )
    id = new_id("pi")
    body: Body = {
        "id": id,
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "capture_method": "automatic_async",
        "client_secret": f"{id}_secret_{new_id('x', 20)[2:]}",
        "confirmation_method": "automatic",
        "created": store.now,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }
    return await store.created(build("payment_intent", **{**body, **fields}))


async def attempt(
    store: Store, intent: Body, method: Body, *, off_session: bool = False, authenticated: bool | None = None
) -> Body:
    """Tries to pay the intent with the method; what came of it is in its ``status``.

    ``authenticated`` is the answer to the bank's question, None while it was not asked.
    """
    card = card_of(method)
    outcome: Outcome = card.later if off_session else card.now
    before = deepcopy(intent)
    intent.update(payment_method=method["id"], next_action=None)
    if outcome == "authenticates" and authenticated is None and not off_session:
        intent["status"] = "requires_action"
        intent["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": None, "url": f"{store.config.public_url}/pay"},
        }
        return await store.changed(before, intent, "payment_intent.requires_action")
    if card.debit:
        return await _process(store, before, intent, method)
    if outcome == "pays" or (outcome == "authenticates" and authenticated):
        return await _succeed(store, before, intent, method)
    code = card.decline_code
    if outcome == "authenticates":
        code = "authentication_required" if authenticated is None else "authentication_failed"
    return await _fail(store, before, intent, method, code)


async def _process(store: Store, before: Body, intent: Body, method: Body) -> Body:
    """The bank is asked; what it says is due later."""
    charge = _charge(store, intent, method)
    charge.update(amount_captured=0, paid=False, receipt_url=None, status="pending")
    await store.put(charge)
    await store.emit("charge.pending", charge)
    intent.update(
        status="processing", latest_charge=charge["id"], _due=store.now + store.rules.delayed_seconds
    )
    intent["_clock"] = intent.get("_clock") or await clock_of(store, intent["customer"])
    return await store.changed(before, intent, "payment_intent.processing")


async def clock_of(store: Store, customer: str | None) -> str | None:
    """The test clock a customer lives by."""
    found = await store.find(customer or "", "customer")
    return found["test_clock"] if found else None


async def decide_debit(store: Store, intent: Body) -> Body:
    """The bank's answer to a payment that was on its way."""
    method = await store.get(intent["payment_method"], "payment_method")
    charge = await store.get(intent["latest_charge"], "charge")
    before = deepcopy(intent)
    intent["_due"] = None
    if card_of(method).now == "settles":
        charge.update(amount_captured=charge["amount"], paid=True, status="succeeded")
        return await _succeed(store, before, intent, method, charge)
    return await _fail(store, before, intent, method, "debit_failed", charge)


async def _succeed(
    store: Store, before: Body, intent: Body, method: Body, charge: Body | None = None
) -> Body:
    charge = charge or _charge(store, intent, method)
    transaction = await book(
        store,
        amount=intent["amount"],
        currency=intent["currency"],
        fee=processing_fee(intent["amount"], intent["currency"]),
        type="charge",
        source=charge["id"],
        after=card_of(method).available_after,
        description=intent["description"],
    )
    charge["balance_transaction"] = transaction["id"]
    await store.put(charge)
    await store.emit("charge.succeeded", charge)
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        last_payment_error=None,
    )
    await store.changed(before, intent, "payment_intent.succeeded")
    if card_of(method).disputed:
        await open_dispute(store, charge, inquiry=card_of(method).inquiry)
    return intent


async def _fail(
    store: Store, before: Body, intent: Body, method: Body, decline_code: str, charge: Body | None = None
) -> Body:
    code, message = REASONS[decline_code]
    charge = charge or _charge(store, intent, method)
    charge.update(
        amount_captured=0,
        captured=False,
        failure_code=code,
        failure_message=message,
        outcome=_outcome("issuer_declined", "declined_by_network", decline_code, message),
        paid=False,
        receipt_url=None,
        status="failed",
    )
    await store.put(charge)
    await store.emit("charge.failed", charge)
    error = {
        "charge": charge["id"],
        "code": code,
        "decline_code": decline_code,
        "doc_url": f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": method,
        "type": "card_error",
    }
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge["id"],
        last_payment_error=error,
    )
    return await store.changed(before, intent, "payment_intent.payment_failed")


def card_error(intent: Body) -> ApiError:
    """402 for an intent that was declined; the trace of the attempt stays."""
    error = {**intent["last_payment_error"]}
    message, type = error.pop("message"), error.pop("type")
    code = error.pop("code")
    return ApiError(402, message, type=type, code=code, keeps_work=True, payment_intent=intent, **error)


def _charge(store: Store, intent: Body, method: Body) -> Body:
    return build(
        "charge",
        id=new_id("ch"),
        amount=intent["amount"],
        amount_captured=intent["amount"],
        amount_refunded=0,
        billing_details=method["billing_details"],
        calculated_statement_descriptor="SANDBOX",
        captured=True,
        created=store.now,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        disputed=False,
        fraud_details={},
        livemode=False,
        metadata=intent["metadata"],
        outcome=_outcome("authorized", "approved_by_network", None, "Payment complete."),
        paid=True,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_method_details(card_of(method), intent["amount"]),
        receipt_email=intent["receipt_email"],
        receipt_url=f"{store.config.public_url}/receipts/{intent['id']}",
        refunded=False,
        statement_descriptor=intent["statement_descriptor"],
        status="succeeded",
        transfer_group=intent["transfer_group"],
    )


def _method_details(card: Card, amount: int) -> Body:
    if card.debit:
        return {"type": "sepa_debit", "sepa_debit": {**debit_details(card), "mandate": None}}
    details = card_details(card)
    shown = {key: details[key] for key in ("brand", "country", "exp_month", "exp_year", "fingerprint")}
    return {
        "card": {
            **shown,
            "amount_authorized": amount,
            "checks": details["checks"],
            "funding": "credit",
            "last4": details["last4"],
            "network": card.brand,
            "three_d_secure": None,
            "wallet": None,
        },
        "type": "card",
    }


def _outcome(type: str, status: str, reason: str | None, message: str) -> Body:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": status,
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": message,
        "type": type,
    }


def check_card(number: str) -> str:
    """The number (or IBAN) without its spaces. Raises ``ApiError`` 404 when it is not a test card."""
    digits = "".join(character for character in number.upper() if character.isalnum())
    if digits not in CARDS:
        raise missing_object("test card", number.strip() or "(empty)", "card")
    return digits
