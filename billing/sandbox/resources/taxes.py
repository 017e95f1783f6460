"""Tax rates (of the fixed table) and customers' tax numbers."""

from billing.sandbox import taxing
from billing.sandbox.errors import missing_object
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, list_of, new_id
from billing.sandbox.store import Store


@route("GET", "/v1/tax_rates", "_tax_rate_list_params:TaxRateListParams")
async def list_rates(call: Call) -> Body:
    wanted = call.params.get("inclusive")
    rates = [
        taxing.rate_of(taxing.rate_id(country, inclusive=inclusive))
        for country in taxing.PERCENT
        for inclusive in (True, False)
        if wanted in (None, inclusive)
    ]
    limit = call.params.get("limit", 10)
    return list_of(rates[:limit], call.path, has_more=len(rates) > limit)


@route("GET", "/v1/tax_rates/{tax_rate}", "_tax_rate_retrieve_params:TaxRateRetrieveParams")
async def retrieve_rate(call: Call) -> Body:
    found = taxing.rate_of(call.ids["tax_rate"])
    if found is None:
        raise missing_object("tax_rate", call.ids["tax_rate"], "tax_rate")
    return found


async def new_tax_id(store: Store, customer: Body, type: str, value: str) -> Body:
    """A tax number of the customer, written on both."""
    tax_id = build(
        "tax_id",
        id=new_id("txi"),
        country=value[:2] if type == "eu_vat" else type[:2].upper(),
        created=store.now,
        customer=customer["id"],
        livemode=False,
        owner={"account": None, "application": None, "customer": customer["id"]}
        | {"customer_account": None, "type": "customer"},
        type=type,
        value=value,
        verification={"status": "verified", "verified_address": None, "verified_name": None},
    )
    customer["_tax_ids"] = [*customer.get("_tax_ids", []), {"id": tax_id["id"], "type": type, "value": value}]
    await store.put(customer)
    await store.put(tax_id)
    await store.emit("customer.tax_id.created", tax_id)
    return tax_id


@route("POST", "/v1/customers/{customer}/tax_ids", "_customer_tax_id_create_params:CustomerTaxIdCreateParams")
async def create(call: Call) -> Body:
    customer = await call.store.get(call.ids["customer"], "customer", "customer")
    return await new_tax_id(call.store, customer, call.params["type"], call.params["value"])


@route("GET", "/v1/customers/{customer}/tax_ids", "_customer_tax_id_list_params:CustomerTaxIdListParams")
async def listing(call: Call) -> Body:
    await call.store.get(call.ids["customer"], "customer", "customer")
    return await call.store.page("tax_id", call.params, call.path, customer=call.ids["customer"])


@route(
    "DELETE",
    "/v1/customers/{customer}/tax_ids/{id}",
    "_customer_tax_id_delete_params:CustomerTaxIdDeleteParams",
)
async def delete(call: Call) -> Body:
    tax_id = await call.store.get(call.ids["id"], "tax_id")
    customer = await call.store.get(call.ids["customer"], "customer", "customer")
    customer["_tax_ids"] = [one for one in customer.get("_tax_ids", []) if one["id"] != tax_id["id"]]
    await call.store.put(customer)
    await call.store.remove(tax_id["id"])
    await call.store.emit("customer.tax_id.deleted", tax_id)
    return {"id": tax_id["id"], "object": "tax_id", "deleted": True}
