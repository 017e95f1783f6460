"""What the hosted payment page does when its form comes in."""

from dataclasses import dataclass

from billing.sandbox.cards import CARDS, REASONS, new_method
from billing.sandbox.charging import attach, attempt, check_card, new_intent
from billing.sandbox.resources.checkout import customer_details
from billing.sandbox.resources.customers import new_customer
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store
from billing.sandbox.subscribing import Terms, begin


@dataclass(frozen=True)
class Paid:
    """The session is complete."""

    session: Body


@dataclass(frozen=True)
class Refused:
    """Nothing was paid: ``code`` is the decline code, ``message`` Stripe's sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class Asked:
    """The card's bank asks its owner to confirm."""

    number: str


@dataclass(frozen=True)
class Payer:
    """What the form says; ``authenticated`` once the bank's question was answered."""

    card: str
    email: str | None = None
    name: str | None = None
    authenticated: bool = False


async def pay(store: Store, session: Body, payer: Payer) -> Paid | Refused | Asked:
    """Pays an open session with a test card. Raises ``ApiError`` 404 for a number that is no test card."""
    number = check_card(payer.card)
    card = CARDS[number]
    if card.now == "declined":
        return Refused(card.decline_code, REASONS[card.decline_code][1])
    if card.now == "authenticates" and not payer.authenticated:
        return Asked(number)
    details = session["customer_details"] or {}
    email = payer.email or details.get("email") or session["customer_email"] or "buyer@example.com"
    name = payer.name or details.get("name")
    session["customer_details"] = customer_details(email, name)
    if session["customer"] is None and session["customer_creation"] == "always":
        customer = await new_customer(store, {"email": email} | ({"name": name} if name else {}))
        session["customer"] = customer["id"]
    method = await store.put(new_method(number, store.now, email=email, name=name))
    await _MODES[session["mode"]](store, session, method)
    session.update(status="complete", url=None, _due=None)
    await store.put(session)
    await store.emit("checkout.session.completed", session)
    return Paid(session)


async def _payment(store: Store, session: Body, method: Body) -> None:
    data = session["_terms"]["payment_intent_data"]
    intent = await new_intent(
        store,
        session["amount_total"],
        session["currency"],
        customer=session["customer"],
        description=data.get("description"),
        metadata=data.get("metadata") or {},
        transfer_group=data.get("transfer_group"),
        setup_future_usage=data.get("setup_future_usage"),
        statement_descriptor_suffix=data.get("statement_descriptor_suffix"),
        receipt_email=data.get("receipt_email"),
    )
    if session["customer"] and data.get("setup_future_usage"):
        method = await attach(store, method, session["customer"])
    intent = await attempt(store, intent, method, authenticated=True)
    session.update(payment_intent=intent["id"], payment_status="paid")


async def _subscription(store: Store, session: Body, method: Body) -> None:
    data = session["_terms"]
    method = await attach(store, method, session["customer"])
    customer = await store.get(session["customer"], "customer")
    items = [
        {"price": line["price"]} | ({} if line["quantity"] is None else {"quantity": line["quantity"]})
        for line in session["_line_items"]
    ]
    terms = Terms(
        items=items,
        trial_end=data["trial_end"],
        anchor=data.get("billing_cycle_anchor"),
        prorate=data.get("proration_behavior", "create_prorations") != "none",
        method=method["id"],
        metadata=data.get("metadata") or {},
        description=data.get("description"),
        on_session=True,
        authenticated=True,
        active_only=False,
    )
    subscription = await begin(store, customer, terms)
    session.update(
        subscription=subscription["id"],
        invoice=subscription["latest_invoice"],
        payment_status="paid" if session["amount_total"] else "no_payment_required",
    )


async def _setup(store: Store, session: Body, method: Body) -> None:
    if session["customer"]:
        await attach(store, method, session["customer"])
    id = new_id("seti")
    intent = build(
        "setup_intent",
        id=id,
        automatic_payment_methods=None,
        client_secret=f"{id}_secret_{new_id('x', 20)[2:]}",
        created=store.now,
        customer=session["customer"],
        livemode=False,
        metadata={},
        payment_method=method["id"],
        payment_method_types=["card"],
        status="succeeded",
        usage="off_session",
    )
    await store.created(intent)
    await store.emit("setup_intent.succeeded", intent)
    session.update(setup_intent=id, payment_status="no_payment_required")


_MODES = {"payment": _payment, "subscription": _subscription, "setup": _setup}
