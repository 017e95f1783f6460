"""Setup intents."""

from copy import deepcopy

from billing.sandbox.charging import resolve_method
from billing.sandbox.errors import ApiError, invalid, missing_param
from billing.sandbox.routes import Call, route
from billing.sandbox.setting_up import new_setup, set_up
from billing.sandbox.shape import Body, merge
from billing.sandbox.store import Store


@route("POST", "/v1/setup_intents", "_setup_intent_create_params:SetupIntentCreateParams")
async def create(call: Call) -> Body:
    params, store = call.params, call.store
    for name in ("single_use", "on_behalf_of", "confirmation_token", "payment_method_data"):
        if params.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=name)
    if "customer" in params:
        await store.get(params["customer"], "customer", "customer")
    fields = {name: params[name] for name in ("customer", "description", "usage") if name in params}
    intent = await new_setup(store, metadata=params.get("metadata") or {}, **fields)
    if params.get("confirm"):
        return await _confirm(store, intent, params)
    if "payment_method" in params:
        method = await resolve_method(store, params["payment_method"], params.get("customer"))
        intent.update(payment_method=method["id"], status="requires_confirmation")
        await store.put(intent)
    return intent


async def _confirm(store: Store, intent: Body, params: Body) -> Body:
    if intent["status"] in ("succeeded", "canceled"):
        raise _unexpected(intent)
    wanted = params.get("payment_method") or intent["payment_method"]
    if wanted is None:
        raise missing_param("payment_method")
    method = await resolve_method(store, wanted, intent["customer"])
    # Confirming what waits for the bank's answer is the answer, here.
    asked = True if intent["status"] == "requires_action" else None
    intent = await set_up(store, intent, method, authenticated=asked)
    error = intent["last_setup_error"]
    if error:
        more = {name: error[name] for name in ("decline_code", "payment_method")}
        raise ApiError(
            402,
            error["message"],
            type="card_error",
            code=error["code"],
            keeps_work=True,
            setup_intent=intent,
            **more,
        )
    return intent


def _unexpected(intent: Body) -> ApiError:
    return invalid(f"This SetupIntent's status is {intent['status']}.", code="setup_intent_unexpected_state")


@route("GET", "/v1/setup_intents", "_setup_intent_list_params:SetupIntentListParams")
async def listing(call: Call) -> Body:
    names = ("customer", "payment_method")
    match = {name: call.params[name] for name in names if name in call.params}
    return await call.store.page("setup_intent", call.params, call.path, **match)


@route("GET", "/v1/setup_intents/{intent}", "_setup_intent_retrieve_params:SetupIntentRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["intent"], "setup_intent", "intent")


@route("POST", "/v1/setup_intents/{intent}", "_setup_intent_update_params:SetupIntentUpdateParams")
async def update(call: Call) -> Body:
    intent = await call.store.get(call.ids["intent"], "setup_intent", "intent")
    merge(intent, call.params, "description")
    return await call.store.put(intent)


@route("POST", "/v1/setup_intents/{intent}/confirm", "_setup_intent_confirm_params:SetupIntentConfirmParams")
async def confirm(call: Call) -> Body:
    intent = await call.store.get(call.ids["intent"], "setup_intent", "intent")
    return await _confirm(call.store, intent, call.params)


@route("POST", "/v1/setup_intents/{intent}/cancel", "_setup_intent_cancel_params:SetupIntentCancelParams")
async def cancel(call: Call) -> Body:
    intent = await call.store.get(call.ids["intent"], "setup_intent", "intent")
    if intent["status"] in ("succeeded", "canceled"):
        raise _unexpected(intent)
    before = deepcopy(intent)
    intent.update(status="canceled", cancellation_reason=call.params.get("cancellation_reason"))
    return await call.store.changed(before, intent, "setup_intent.canceled")
