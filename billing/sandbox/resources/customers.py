"""Customers."""

from copy import deepcopy

from billing.sandbox.charging import attach, resolve_method
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, merge, new_id
from billing.sandbox.store import Store

FIELDS = (
    *("address", "description", "email", "name", "phone", "preferred_locales", "shipping", "tax_exempt"),
    *("balance", "invoice_prefix", "next_invoice_sequence", "business_name", "individual_name"),
)


async def new_customer(store: Store, params: Body) -> Body:
    """Creates a customer from the parameters of ``customers.create``."""
    clock = params.get("test_clock")
    if clock:
        await store.get(clock, "test_helpers.test_clock", "test_clock")
    customer = build(
        "customer",
        id=new_id("cus", 14),
        balance=0,
        created=store.now,
        delinquent=False,
        invoice_prefix=new_id("x", 8)[2:].upper(),
        invoice_settings=dict.fromkeys(
            ("custom_fields", "default_payment_method", "footer", "rendering_options")
        ),
        livemode=False,
        metadata={},
        next_invoice_sequence=1,
        preferred_locales=[],
        tax_exempt="none",
        test_clock=clock,
    )
    merge(customer, params, *FIELDS)
    customer["invoice_settings"].update(params.get("invoice_settings") or {})
    if method := params.get("payment_method"):
        found = await resolve_method(store, method)
        await store.put(customer)
        await attach(store, found, customer["id"])
    default = customer["invoice_settings"]["default_payment_method"]
    if default and method == default:
        customer["invoice_settings"]["default_payment_method"] = found["id"]
    return await store.created(customer)


@route("POST", "/v1/customers", "_customer_create_params:CustomerCreateParams")
async def create(call: Call) -> Body:
    return await new_customer(call.store, call.params)


@route("GET", "/v1/customers", "_customer_list_params:CustomerListParams")
async def listing(call: Call) -> Body:
    match = {"email": call.params["email"]} if "email" in call.params else {}
    return await call.store.page("customer", call.params, call.path, **match)


@route("GET", "/v1/customers/{customer}", "_customer_retrieve_params:CustomerRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["customer"], "customer")


@route("POST", "/v1/customers/{customer}", "_customer_update_params:CustomerUpdateParams")
async def update(call: Call) -> Body:
    customer = await call.store.get(call.ids["customer"], "customer")
    before = deepcopy(customer)
    merge(customer, call.params, *FIELDS)
    settings = call.params.get("invoice_settings") or {}
    if method := settings.get("default_payment_method"):
        found = await resolve_method(call.store, method, customer["id"])
        await attach(call.store, found, customer["id"])
        settings = {**settings, "default_payment_method": found["id"]}
    customer["invoice_settings"].update(settings)
    return await call.store.changed(before, customer)


@route("DELETE", "/v1/customers/{customer}", "_customer_delete_params:CustomerDeleteParams")
async def delete(call: Call) -> Body:
    customer = await call.store.get(call.ids["customer"], "customer")
    await call.store.remove(customer["id"])
    await call.store.emit("customer.deleted", customer)
    return {"id": customer["id"], "object": "customer", "deleted": True}


@route(
    "GET",
    "/v1/customers/{customer}/payment_methods",
    "_customer_payment_method_list_params:CustomerPaymentMethodListParams",
)
async def payment_methods(call: Call) -> Body:
    await call.store.get(call.ids["customer"], "customer")
    return await call.store.page("payment_method", call.params, call.path, customer=call.ids["customer"])
