"""Checkout sessions, as the API makes, reads and expires them. The payment page is another file."""

from copy import deepcopy
from typing import Any

from billing.sandbox.basket import assess, check_lines, due_now, line_item, trial_end_of
from billing.sandbox.config import DAY
from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.fees import least_charge
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, list_of, merge, new_id
from billing.sandbox.store import Store
from billing.sandbox.taxing import place_of
from billing.sandbox.timeline import expire_session

PLAIN = (
    *("allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id"),
    *("customer_email", "locale", "payment_method_collection", "success_url", "submit_type"),
    *("return_url", "redirect_on_completion", "adaptive_pricing"),
    *("integration_identifier", "origin_context", "excluded_payment_method_types"),
)
"""Taken over as given."""

NOT_OURS = (
    *("discounts", "optional_items", "shipping_options", "custom_fields", "shipping_address_collection"),
    *("saved_payment_method_options", "managed_payments", "setup_intent_data", "after_expiration"),
)
"""What this sandbox cannot do, and therefore does not pretend to."""


@route("POST", "/v1/checkout/sessions", "checkout._session_create_params:SessionCreateParams")
async def create(call: Call) -> Body:
    params, store = call.params, call.store
    mode = params.get("mode", "payment")
    _check(params, mode)
    customer = None
    if "customer" in params:
        customer = await store.get(params["customer"], "customer", "customer")
        _check_customer(params, customer)
    lines = [await line_item(store, item, index) for index, item in enumerate(params.get("line_items", []))]
    check_lines(lines, mode)
    data = params.get("subscription_data") or {}
    trial_end = trial_end_of(store, data)
    dues = [0 if trial_end else due_now(store, line, data) for line in lines]
    total = sum(dues)
    currency = lines[0]["currency"] if lines else params.get("currency")
    if mode == "payment" and total < least_charge(currency or "usd"):
        raise invalid(
            "The Checkout Session's total amount due must add up to at least"
            f" {least_charge(currency or 'usd')} in {currency}.",
            code="amount_too_small",
        )
    id = new_id("cs_test", 58)
    session = build(
        "checkout.session",
        id=id,
        adaptive_pricing={"enabled": False},
        automatic_tax={"enabled": (params.get("automatic_tax") or {}).get("enabled", False)},
        created=store.now,
        currency=currency,
        custom_fields=[],
        custom_text=_texts(params.get("custom_text") or {}),
        customer=customer["id"] if customer else None,
        customer_creation=None if customer else _creation(params, mode),
        expires_at=params.get("expires_at", store.now + DAY),
        invoice_creation=_invoice_creation(params) if mode == "payment" else None,
        livemode=False,
        metadata=params.get("metadata") or {},
        mode=mode,
        payment_method_options={},
        payment_method_types=["card", "sepa_debit"],
        payment_method_collection="if_required" if mode == "payment" else "always",
        payment_status="unpaid",
        phone_number_collection={"enabled": False},
        shipping_options=[],
        status="open",
        tax_id_collection={"enabled": False, "required": "never"},
        ui_mode="hosted_page",
        url=f"{call.public_url}/pay/{id}",
        _line_items=lines,
        _dues=dues,
        _keeps={"address": "never", "name": "never", **(params.get("customer_update") or {})},
        _terms={
            **data,
            "trial_end": trial_end,
            "payment_intent_data": params.get("payment_intent_data") or {},
        },
        _due=params.get("expires_at", store.now + DAY),
        _clock=customer["test_clock"] if customer else None,
    )
    merge(session, {key: params[key] for key in PLAIN if key in params}, *PLAIN)
    if "tax_id_collection" in params:
        session["tax_id_collection"] = {"required": "never", **params["tax_id_collection"]}
    if "consent_collection" in params:
        names = ("payment_method_reuse_agreement", "promotions", "terms_of_service")
        session["consent_collection"] = {**dict.fromkeys(names), **params["consent_collection"]}
    email = params.get("customer_email") or (customer["email"] if customer else None)
    if email:
        session["customer_details"] = customer_details(email, customer["name"] if customer else None)
    known = customer is not None and (customer["address"] or {}).get("country")
    assess(session, place_of(store, customer) if known else None)
    return await store.put(session)


def _check_customer(params: Body, customer: Body) -> None:
    """What Stripe wants to be told before it changes a customer by what the page says."""
    update = params.get("customer_update") or {}
    taxed = (params.get("automatic_tax") or {}).get("enabled")
    if taxed and not (customer["address"] or {}).get("country") and update.get("address") != "auto":
        raise invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid"
            " address to the Customer or set `customer_update[address]` to 'auto' to save the address"
            " entered in Checkout to the Customer.",
            code="customer_tax_location_invalid",
        )
    if (params.get("tax_id_collection") or {}).get("enabled") and update.get("name") != "auto":
        raise invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection"
            " for an existing customer, please set `customer_update[name]` to `auto`."
        )


def _texts(given: Body) -> Body:
    names = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
    return {name: given.get(name) or None for name in names}


def _creation(params: Body, mode: str) -> str:
    invoiced = (params.get("invoice_creation") or {}).get("enabled")
    return str(
        params.get("customer_creation", "if_required" if mode == "payment" and not invoiced else "always")
    )


def _invoice_creation(params: Body) -> Body:
    given = params.get("invoice_creation") or {}
    data = given.get("invoice_data") or {}
    nothing = ("account_tax_ids", "custom_fields", "issuer", "rendering_options")
    shown = {"description": data.get("description"), "footer": data.get("footer")}
    return {
        "enabled": given.get("enabled", False),
        "invoice_data": {**dict.fromkeys(nothing), **shown, "metadata": data.get("metadata") or {}},
    }


def customer_details(email: str | None, name: str | None, country: str | None = None) -> Body:
    """What the page knows of who pays."""
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        "address": {**address, "country": country} if country else None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _check(params: Body, mode: str) -> None:
    for name in NOT_OURS:
        if params.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=name)
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The sandbox has the hosted page only.", param="ui_mode")
    if "success_url" not in params:
        raise missing_param("success_url")
    if "customer" in params and "customer_email" in params:
        raise invalid("You may only specify one of these parameters: customer, customer_email.")
    if not params.get("line_items") and mode != "setup":
        raise missing_param("line_items")
    if params.get("customer_update") and "customer" not in params:
        raise invalid("`customer_update` can only be used with `customer`.", param="customer_update")
    for name, of in (
        ("subscription_data", "subscription"),
        ("payment_intent_data", "payment"),
        ("invoice_creation", "payment"),
    ):
        if params.get(name) and mode != of:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)


async def session_of(store: Store, id: str) -> Body:
    """The session. Raises ``ApiError`` 404."""
    return await store.get(id, "checkout.session", "session")


@route("GET", "/v1/checkout/sessions", "checkout._session_list_params:SessionListParams")
async def listing(call: Call) -> Body:
    params = call.params
    names = ("customer", "payment_intent", "subscription", "status")
    match: dict[str, Any] = {name: params[name] for name in names if name in params}
    return await call.store.page("checkout.session", params, call.path, **match)


@route("GET", "/v1/checkout/sessions/{session}", "checkout._session_retrieve_params:SessionRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await session_of(call.store, call.ids["session"])


@route("POST", "/v1/checkout/sessions/{session}", "checkout._session_update_params:SessionUpdateParams")
async def update(call: Call) -> Body:
    session = await session_of(call.store, call.ids["session"])
    merge(session, {key: call.params[key] for key in ("metadata",) if key in call.params})
    return await call.store.put(session)


@route(
    "POST", "/v1/checkout/sessions/{session}/expire", "checkout._session_expire_params:SessionExpireParams"
)
async def expire(call: Call) -> Body:
    session = deepcopy(await session_of(call.store, call.ids["session"]))
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a'
            f" status of {session['status']}."
        )
    return await expire_session(call.store, session)


@route(
    "GET",
    "/v1/checkout/sessions/{session}/line_items",
    "checkout._session_line_item_list_params:SessionLineItemListParams",
)
async def line_items(call: Call) -> Body:
    session = await session_of(call.store, call.ids["session"])
    return list_of(session["_line_items"], call.path)
