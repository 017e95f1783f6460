"""What the hosted payment page does when its form comes in."""

from copy import deepcopy
from dataclasses import dataclass

from billing.sandbox import invoice_items, invoicing
from billing.sandbox.basket import assess
from billing.sandbox.cards import CARDS, REASONS, new_method
from billing.sandbox.charging import attach, attempt, check_card, new_intent
from billing.sandbox.drafting import compute
from billing.sandbox.resources.checkout import customer_details
from billing.sandbox.resources.customers import new_customer
from billing.sandbox.resources.taxes import new_tax_id
from billing.sandbox.setting_up import new_setup, set_up
from billing.sandbox.shape import Body
from billing.sandbox.store import Store
from billing.sandbox.subscribing import Terms, after_invoice, begin, ended
from billing.sandbox.taxing import place_of


@dataclass(frozen=True)
class Paid:
    """The session is complete; a delayed payment may still fail."""

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
    """What the form says.

    ``authenticated`` is the answer to the bank's question, None while it was not asked. ``agrees`` is to the
    terms of service, where the session asks for that.
    """

    card: str
    email: str | None = None
    name: str | None = None
    country: str | None = None
    tax_id: str | None = None
    tax_id_type: str = "eu_vat"
    authenticated: bool | None = None
    agrees: bool = True


async def pay(store: Store, session: Body, payer: Payer) -> Paid | Refused | Asked:
    """Pays an open session with a test card. Raises ``ApiError`` 404 for a number that is no test card.

    A declined card leaves its trace (a failed charge and intent, an incomplete subscription with its open
    invoice), and the session open: the next card is tried on the same objects.
    """
    number = check_card(payer.card)
    card = CARDS[number]
    asks_consent = (session["consent_collection"] or {}).get("terms_of_service") == "required"
    if asks_consent and not payer.agrees:
        return Refused("terms", "The terms of service were not accepted.")
    if card.now == "authenticates" and payer.authenticated is None:
        return Asked(number)
    customer = await _identify(store, session, payer)
    if session["automatic_tax"]["enabled"]:
        assess(session, place_of(store, customer or {"address": session["customer_details"]["address"]}))
    method = await store.put(
        new_method(number, store.now, email=session["customer_details"]["email"], name=payer.name)
    )
    code = await _MODES[session["mode"]](store, session, method, payer)
    if code is not None:
        await store.put(session)
        return Refused(code, REASONS[code][1])
    if asks_consent:
        session["consent"] = {"promotions": None, "terms_of_service": "accepted"}
    session.update(status="complete", url=None, _due=None)
    await store.put(session)
    await store.emit("checkout.session.completed", session)
    return Paid(session)


async def _identify(store: Store, session: Body, payer: Payer) -> Body | None:
    """Who pays, as the page was told; a customer is made or brought up to date as the session says."""
    known = session["customer_details"] or {}
    email = payer.email or known.get("email") or session["customer_email"] or "buyer@example.com"
    name = payer.name or known.get("name")
    customer = await store.find(session["customer"] or "", "customer")
    country = ((customer or {}).get("address") or {}).get("country")
    if country is None or (payer.country and session["_keeps"]["address"] == "auto"):
        country = payer.country or country
    if country is None and session["automatic_tax"]["enabled"]:
        country = store.rules.tax_country
    details = customer_details(email, name, country)
    taxes = session["tax_id_collection"]["enabled"] and payer.tax_id
    if taxes:
        details["tax_ids"] = [{"type": payer.tax_id_type, "value": payer.tax_id}]
    session["customer_details"] = details
    fresh = customer is None and session["customer_creation"] == "always"
    if fresh:
        customer = await new_customer(store, {"email": email} | ({"name": name} if name else {}))
        session["customer"] = customer["id"]
    if customer is None:
        return None
    before = deepcopy(customer)
    if details["address"] and (fresh or session["_keeps"]["address"] == "auto"):
        customer["address"] = details["address"]
    await store.changed(before, customer)
    if taxes and (fresh or session["_keeps"]["name"] == "auto"):
        await new_tax_id(store, customer, payer.tax_id_type, str(payer.tax_id))
    return customer


async def _payment(store: Store, session: Body, method: Body, payer: Payer) -> str | None:
    intent = await _intent_of(store, session)
    if session["customer"] and intent["setup_future_usage"]:
        method = await attach(store, method, session["customer"])
    intent = await attempt(store, intent, method, authenticated=payer.authenticated)
    if intent["status"] == "requires_payment_method":
        return _decline_of(intent)
    paid = intent["status"] == "succeeded"
    session.update(payment_intent=intent["id"], payment_status="paid" if paid else "unpaid")
    if paid and session["invoice"]:
        await invoicing.mark_paid(store, await store.get(session["invoice"], "invoice"))
    return None


def _decline_of(intent: Body) -> str:
    error = intent["last_payment_error"]
    return str(error["decline_code"] or error["code"])


async def _intent_of(store: Store, session: Body) -> Body:
    """The session's payment: the one an earlier card was declined for, or a new one."""
    found = await store.find(session.get("_intent") or "", "payment_intent")
    if found is not None:
        if found["amount"] != session["amount_total"]:
            found["amount"] = session["amount_total"]
            await store.put(found)
        return found
    data = session["_terms"]["payment_intent_data"]
    fields = {
        "customer": session["customer"],
        "description": data.get("description"),
        "metadata": data.get("metadata") or {},
        "transfer_group": data.get("transfer_group"),
        "setup_future_usage": data.get("setup_future_usage"),
        "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
        "receipt_email": data.get("receipt_email"),
        "_session": session["id"],
    }
    if session["invoice_creation"]["enabled"]:
        invoice = await _invoice(store, session, fields)
        session["invoice"] = invoice["id"]
        intent = await store.get(invoice["_intent"], "payment_intent")
    else:
        intent = await new_intent(store, session["amount_total"], session["currency"], **fields)
    session["_intent"] = intent["id"]
    return intent


async def _invoice(store: Store, session: Body, intent_fields: Body) -> Body:
    """The invoice of a one-off sale, as ``invoice_creation`` asks for it."""
    customer = await store.get(session["customer"], "customer")
    data = session["invoice_creation"]["invoice_data"]
    items = [
        await invoice_items.new_item(
            store,
            customer,
            {
                "pricing": {"price": line["price"]["id"]},
                "quantity": line["quantity"],
                "description": line["description"],
            },
        )
        for line in session["_line_items"]
    ]
    invoice = compute(
        store,
        customer,
        [invoice_items.line_of(item) for item in items],
        reason="manual",
        currency=session["currency"],
        subscription=None,
        automatic_tax=session["automatic_tax"]["enabled"],
    )
    invoice.update(description=data["description"], footer=data["footer"], metadata=data["metadata"])
    await invoice_items.take(store, items, invoice["id"])
    await store.created(invoice)
    return await invoicing.finalize(store, invoice, **intent_fields)


async def _subscription(store: Store, session: Body, method: Body, payer: Payer) -> str | None:
    if session["_terms"]["trial_end"] and CARDS[method["_card"]].now == "declined":
        return CARDS[method["_card"]].decline_code  # a card is looked at, and nothing is charged
    method = await attach(store, method, session["customer"])
    waiting = await store.find(session.get("_subscription") or "", "subscription")
    if waiting is not None and not ended(waiting):
        subscription = await _pay_first(store, waiting, method, payer)
    else:
        subscription = await _begin(store, session, method, payer)
        session["_subscription"] = subscription["id"]
    invoice = await store.get(subscription["latest_invoice"], "invoice")
    if subscription["status"] == "incomplete":
        return _decline_of(await store.get(invoice["_intent"], "payment_intent"))
    status = "paid" if session["amount_total"] else "no_payment_required"
    if invoice["status"] == "open":
        intent = await store.get(invoice["_intent"], "payment_intent")
        await store.put({**intent, "_session": session["id"]})
        status = "unpaid"
    session.update(subscription=subscription["id"], invoice=invoice["id"], payment_status=status)
    return None


async def _begin(store: Store, session: Body, method: Body, payer: Payer) -> Body:
    data = session["_terms"]
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
        authenticated=payer.authenticated,
        active_only=False,
        automatic_tax=session["automatic_tax"]["enabled"],
    )
    return await begin(store, customer, terms)


async def _pay_first(store: Store, subscription: Body, method: Body, payer: Payer) -> Body:
    """Another card for the first invoice of a subscription whose first card was declined."""
    before = deepcopy(subscription)
    subscription["default_payment_method"] = method["id"]
    await store.changed(before, subscription)
    invoice = await store.get(subscription["latest_invoice"], "invoice")
    invoice = await invoicing.collect(
        store, invoice, method, off_session=False, authenticated=payer.authenticated, by_hand=True
    )
    await after_invoice(store, invoice)
    return await store.get(subscription["id"], "subscription")


async def _setup(store: Store, session: Body, method: Body, payer: Payer) -> str | None:
    intent = await new_setup(store, customer=session["customer"])
    intent = await set_up(store, intent, method, authenticated=payer.authenticated)
    if intent["last_setup_error"]:
        return str(intent["last_setup_error"]["decline_code"])
    session.update(setup_intent=intent["id"], payment_status="no_payment_required")
    return None


_MODES = {"payment": _payment, "subscription": _subscription, "setup": _setup}
