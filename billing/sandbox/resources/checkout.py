"""Checkout sessions, as the API makes, reads and expires them. The payment page is another file."""

from copy import deepcopy
from typing import Any

from billing.sandbox.config import DAY
from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.fees import least_charge
from billing.sandbox.lines import Span
from billing.sandbox.periods import boundary_after, shift
from billing.sandbox.pricing import amount
from billing.sandbox.products import new_price
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, list_of, merge, new_id
from billing.sandbox.store import Store
from billing.sandbox.timeline import expire_session

PLAIN = (
    *("allow_promotion_codes", "billing_address_collection", "cancel_url", "client_reference_id"),
    *("customer_email", "locale", "payment_method_collection", "success_url", "submit_type"),
    *("return_url", "redirect_on_completion", "adaptive_pricing", "consent_collection"),
    *("integration_identifier", "origin_context", "excluded_payment_method_types"),
)
"""Taken over as given."""

NOT_OURS = ("discounts", "optional_items", "shipping_options", "currency_conversion")
"""What this sandbox cannot do, and therefore does not pretend to."""


@route("POST", "/v1/checkout/sessions", "checkout._session_create_params:SessionCreateParams")
async def create(call: Call) -> Body:
    params, store = call.params, call.store
    mode = params.get("mode", "payment")
    _check(params, mode)
    customer = None
    if "customer" in params:
        customer = await store.get(params["customer"], "customer", "customer")
    lines = [await _line(store, item, index) for index, item in enumerate(params.get("line_items", []))]
    _check_lines(lines, mode)
    data = params.get("subscription_data") or {}
    trial_end = _trial_end(store, data)
    total = 0 if trial_end else sum(_due_now(store, line, data) for line in lines)
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
        amount_subtotal=total,
        amount_total=total,
        automatic_tax={
            "enabled": (params.get("automatic_tax") or {}).get("enabled", False),
            "liability": None,
            "provider": None,
            "status": None,
        },
        created=store.now,
        currency=currency,
        custom_fields=[],
        custom_text=dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        customer=customer["id"] if customer else None,
        customer_creation=None
        if customer
        else params.get("customer_creation", "if_required" if mode == "payment" else "always"),
        expires_at=params.get("expires_at", store.now + DAY),
        livemode=False,
        metadata=params.get("metadata") or {},
        mode=mode,
        payment_method_options={},
        payment_method_types=["card"],
        payment_method_collection="if_required" if mode == "payment" else "always",
        payment_status="unpaid",
        phone_number_collection={"enabled": False},
        shipping_options=[],
        status="open",
        tax_id_collection={"enabled": False, "required": "never"},
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        ui_mode="hosted_page",
        url=f"{call.public_url}/pay/{id}",
        _line_items=lines,
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
    email = params.get("customer_email") or (customer["email"] if customer else None)
    if email:
        session["customer_details"] = customer_details(email, customer["name"] if customer else None)
    return await store.put(session)


def customer_details(email: str | None, name: str | None) -> Body:
    """What the page knows of who pays."""
    return {
        "address": None,
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
    for name, of in (("subscription_data", "subscription"), ("payment_intent_data", "payment")):
        if params.get(name) and mode != of:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", param=name)


def _check_lines(lines: list[Body], mode: str) -> None:
    recurring = [line["price"]["recurring"] is not None for line in lines]
    if mode == "payment" and any(recurring):
        raise invalid("You specified `payment` mode but passed a recurring price.", param="mode")
    if mode == "subscription" and not all(recurring):
        raise invalid("The sandbox takes only recurring prices in `subscription` mode.", param="mode")
    if len({line["currency"] for line in lines}) > 1:
        raise invalid("All prices must have the same currency.", param="line_items")


async def _line(store: Store, item: Body, index: int) -> Body:
    where = f"line_items[{index}]"
    if data := item.get("price_data"):
        price = await new_price(store, data)
        price["active"] = False
        await store.put(price)
    elif "price" in item:
        price = await store.get(item["price"], "price", f"{where}[price]")
        if not price["active"]:
            raise invalid("The price specified is inactive.", param=f"{where}[price]")
    else:
        raise missing_param(f"{where}[price]")
    metered = price["recurring"] is not None and price["recurring"]["usage_type"] == "metered"
    if metered and "quantity" in item:
        raise invalid(
            "Quantity should not be specified where usage_type is metered.", param=f"{where}[quantity]"
        )
    if not metered and "quantity" not in item:
        raise missing_param(f"{where}[quantity]")
    product = await store.get(price["product"], "product")
    value = 0 if metered else amount(price, item["quantity"])
    return build(
        "item",
        id=new_id("li"),
        adjustable_quantity=None,
        amount_discount=0,
        amount_subtotal=value,
        amount_tax=0,
        amount_total=value,
        currency=price["currency"],
        description=product["name"],
        metadata=item.get("metadata") or {},
        price=price,
        quantity=None if metered else item["quantity"],
    )


def _trial_end(store: Store, data: Body) -> int | None:
    if "trial_end" in data:
        end: int = data["trial_end"]
        if end <= store.now:
            raise invalid("The trial_end must be in the future.", param="subscription_data[trial_end]")
        return end
    if days := data.get("trial_period_days"):
        return store.now + int(days) * DAY
    return None


def _due_now(store: Store, line: Body, data: Body) -> int:
    """What a line costs at once: a part of it, when the period is cut short by a billing cycle anchor."""
    total: int = line["amount_total"]
    anchor, recurring = data.get("billing_cycle_anchor"), line["price"]["recurring"]
    if not anchor or not recurring:
        return total
    if data.get("proration_behavior") == "none":
        return 0
    interval, count = recurring["interval"], recurring["interval_count"]
    end = boundary_after(anchor, interval, count, store.now)
    whole = Span(shift(end, interval, -count), end)
    return round(total * (end - store.now) / (whole.end - whole.start))


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
