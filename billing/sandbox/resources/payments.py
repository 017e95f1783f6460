"""Payment intents, payment methods and charges."""

from copy import deepcopy
from typing import Any

from billing.sandbox.cards import TOKENS, new_method
from billing.sandbox.charging import attach, attempt, card_error, check_card, new_intent, resolve_method
from billing.sandbox.errors import ApiError, invalid, missing_param
from billing.sandbox.local_time import local
from billing.sandbox.routes import Call, route
from billing.sandbox.settling import settle_intent
from billing.sandbox.shape import Body, merge
from billing.sandbox.store import Store

TAKEN = (
    *("description", "receipt_email", "setup_future_usage", "shipping", "statement_descriptor"),
    *("statement_descriptor_suffix", "transfer_group"),
)
NOT_OURS = (
    *("application_fee_amount", "on_behalf_of", "transfer_data", "confirmation_token"),
    *("payment_method_data", "amount_details", "hooks"),
)


@route("POST", "/v1/payment_intents", "_payment_intent_create_params:PaymentIntentCreateParams")
async def create_intent(call: Call) -> Body:
    params, store = call.params, call.store
    for name in NOT_OURS:
        if name in params:
            raise invalid(f"The sandbox does not do {name}.", param=name)
    if params.get("capture_method") == "manual":
        raise invalid("The sandbox captures at once.", param="capture_method")
    customer = None
    if "customer" in params:
        customer = await store.get(params["customer"], "customer", "customer")
    store = await local(store, customer)
    intent = await new_intent(
        store,
        params["amount"],
        params["currency"].lower(),
        customer=params.get("customer"),
        metadata=params.get("metadata") or {},
        **{name: params[name] for name in TAKEN if name in params},
    )
    if "payment_method" in params:
        method = await resolve_method(store, params["payment_method"], params.get("customer"))
        intent.update(payment_method=method["id"], status="requires_confirmation")
        await store.put(intent)
    if params.get("confirm"):
        return await _confirm(store, intent, params)
    return intent


async def _confirm(store: Store, intent: Body, params: Body) -> Body:
    wanted = params.get("payment_method") or intent["payment_method"]
    if intent["status"] in ("succeeded", "canceled", "processing"):
        raise _unexpected(intent, "confirm")
    if wanted is None:
        raise missing_param("payment_method")
    method = await store.find(intent["payment_method"] or "", "payment_method")
    if method is None or ("payment_method" in params and method["id"] != intent["payment_method"]):
        method = await resolve_method(store, wanted, intent["customer"])
    keeps = params.get("setup_future_usage") or intent["setup_future_usage"]
    if intent["customer"] and keeps:
        method = await attach(store, method, intent["customer"])
    # Confirming what waits for the bank's answer is the answer, here.
    authenticated = True if intent["status"] == "requires_action" else None
    intent = await attempt(
        store, intent, method, off_session=bool(params.get("off_session")), authenticated=authenticated
    )
    await settle_intent(store, intent)
    if intent["status"] == "requires_payment_method":
        raise card_error(intent)
    if intent["status"] == "requires_action" and params.get("error_on_requires_action"):
        raise ApiError(
            402,
            "This payment requires additional user action before it can be completed.",
            type="card_error",
            code="authentication_required",
            executed=True,
        )
    return intent


def _unexpected(intent: Body, verb: str) -> ApiError:
    return invalid(
        f"This PaymentIntent's status is {intent['status']}: you cannot {verb} it.",
        code="payment_intent_unexpected_state",
    )


@route("GET", "/v1/payment_intents", "_payment_intent_list_params:PaymentIntentListParams")
async def list_intents(call: Call) -> Body:
    match = {"customer": call.params["customer"]} if "customer" in call.params else {}
    return await call.store.page("payment_intent", call.params, call.path, **match)


@route("GET", "/v1/payment_intents/{intent}", "_payment_intent_retrieve_params:PaymentIntentRetrieveParams")
async def retrieve_intent(call: Call) -> Body:
    return await call.store.get(call.ids["intent"], "payment_intent", "intent")


@route("POST", "/v1/payment_intents/{intent}", "_payment_intent_update_params:PaymentIntentUpdateParams")
async def update_intent(call: Call) -> Body:
    intent = await call.store.get(call.ids["intent"], "payment_intent", "intent")
    merge(intent, call.params, *TAKEN)
    return await call.store.put(intent)


@route(
    "POST",
    "/v1/payment_intents/{intent}/confirm",
    "_payment_intent_confirm_params:PaymentIntentConfirmParams",
)
async def confirm_intent(call: Call) -> Body:
    intent = await call.store.get(call.ids["intent"], "payment_intent", "intent")
    return await _confirm(call.store, intent, call.params)


@route(
    "POST", "/v1/payment_intents/{intent}/cancel", "_payment_intent_cancel_params:PaymentIntentCancelParams"
)
async def cancel_intent(call: Call) -> Body:
    intent = await call.store.get(call.ids["intent"], "payment_intent", "intent")
    if intent["status"] in ("succeeded", "canceled", "processing"):
        raise _unexpected(intent, "cancel")
    before = deepcopy(intent)
    reason = call.params.get("cancellation_reason")
    intent.update(status="canceled", canceled_at=call.store.now, cancellation_reason=reason)
    return await call.store.changed(before, intent, "payment_intent.canceled")


@route("POST", "/v1/payment_methods", "_payment_method_create_params:PaymentMethodCreateParams")
async def create_method(call: Call) -> Body:
    params = call.params
    details = params.get("billing_details") or {}
    method = new_method(
        check_card(_number(params)),
        call.store.now,
        email=details.get("email") or None,
        name=details.get("name") or None,
    )
    merge(method, params)
    return await call.store.put(method)


def _number(params: Body) -> str:
    """The test number, by itself, by its token or as an IBAN."""
    kind = params.get("type", "card")
    if kind not in ("card", "sepa_debit"):
        raise invalid("The sandbox has cards and SEPA debits only.", param="type")
    given: Any = params.get(kind) or {}
    if kind == "sepa_debit":
        return str(given.get("iban", ""))
    token = str(given.get("token", "")).replace("tok_", "pm_card_", 1)
    if "number" not in given and token not in TOKENS:
        raise missing_param("card[number]")
    return str(given.get("number") or TOKENS[token])


@route(
    "POST",
    "/v1/payment_methods/{payment_method}",
    "_payment_method_update_params:PaymentMethodUpdateParams",
)
async def update_method(call: Call) -> Body:
    method = await call.store.get(call.ids["payment_method"], "payment_method", "payment_method")
    before = deepcopy(method)
    merge(method, call.params)
    method["billing_details"].update(call.params.get("billing_details") or {})
    return await call.store.changed(before, method)


@route("GET", "/v1/payment_methods", "_payment_method_list_params:PaymentMethodListParams")
async def list_methods(call: Call) -> Body:
    names = ("customer", "type")
    match = {name: call.params[name] for name in names if name in call.params}
    return await call.store.page("payment_method", call.params, call.path, **match)


@route(
    "GET",
    "/v1/payment_methods/{payment_method}",
    "_payment_method_retrieve_params:PaymentMethodRetrieveParams",
)
async def retrieve_method(call: Call) -> Body:
    return await call.store.get(call.ids["payment_method"], "payment_method", "payment_method")


@route(
    "POST",
    "/v1/payment_methods/{payment_method}/attach",
    "_payment_method_attach_params:PaymentMethodAttachParams",
)
async def attach_method(call: Call) -> Body:
    if "customer" not in call.params:
        raise missing_param("customer")
    customer = await call.store.get(call.params["customer"], "customer", "customer")
    method = await resolve_method(call.store, call.ids["payment_method"], customer["id"])
    return await attach(call.store, method, customer["id"])


@route(
    "POST",
    "/v1/payment_methods/{payment_method}/detach",
    "_payment_method_detach_params:PaymentMethodDetachParams",
)
async def detach_method(call: Call) -> Body:
    method = await call.store.get(call.ids["payment_method"], "payment_method", "payment_method")
    before = deepcopy(method)
    method["customer"] = None
    return await call.store.changed(before, method, "payment_method.detached")


@route("GET", "/v1/charges", "_charge_list_params:ChargeListParams")
async def list_charges(call: Call) -> Body:
    names = ("customer", "payment_intent", "transfer_group")
    match = {name: call.params[name] for name in names if name in call.params}
    return await call.store.page("charge", call.params, call.path, **match)


@route("GET", "/v1/charges/{charge}", "_charge_retrieve_params:ChargeRetrieveParams")
async def retrieve_charge(call: Call) -> Body:
    return await call.store.get(call.ids["charge"], "charge", "charge")


@route("POST", "/v1/charges/{charge}", "_charge_update_params:ChargeUpdateParams")
async def update_charge(call: Call) -> Body:
    charge = await call.store.get(call.ids["charge"], "charge", "charge")
    before = deepcopy(charge)
    merge(charge, call.params, "description", "receipt_email", "transfer_group")
    return await call.store.changed(before, charge)
