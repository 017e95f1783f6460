"""Invoice items."""

from copy import deepcopy
from typing import Any

from billing.sandbox.drafting import set_lines
from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.invoice_items import line_of, new_item
from billing.sandbox.local_time import local
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, merge
from billing.sandbox.store import Store

NOT_OURS = ("discounts", "tax_rates", "tax_code")


@route("POST", "/v1/invoiceitems", "_invoice_item_create_params:InvoiceItemCreateParams")
async def create(call: Call) -> Body:
    """An item on a draft named by ``invoice``, or for the customer's next invoice."""
    params = call.params
    _check(params)
    draft = None
    if "invoice" in params:
        draft = await _draft(call.store, params["invoice"])
    if "customer" not in params and draft is None:
        raise missing_param("customer")
    customer = await call.store.get(
        params.get("customer") or (draft or {})["customer"], "customer", "customer"
    )
    if "subscription" in params:
        await call.store.get(params["subscription"], "subscription", "subscription")
    store = await local(call.store, customer)
    item = await new_item(store, customer, params)
    if draft is not None and (draft["currency"], draft["customer"]) != (item["currency"], customer["id"]):
        raise invalid("The item is in another currency, or of another customer.", param="invoice")
    await store.created(item)
    if draft is not None:
        await _restate(store, draft, [*draft["lines"]["data"], line_of(item)])
    return item


def _check(params: Body) -> None:
    for name in NOT_OURS:
        if params.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=name)


async def _draft(store: Store, id: str) -> Body:
    invoice = await store.get(id, "invoice", "invoice")
    if invoice["status"] != "draft":
        raise invalid("Items can be on a draft only.", param="invoice", code="invoice_not_editable")
    return invoice


async def _restate(store: Store, draft: Body, lines: list[Body]) -> None:
    before = deepcopy(draft)
    set_lines(draft, lines)
    await store.changed(before, draft)


@route("GET", "/v1/invoiceitems", "_invoice_item_list_params:InvoiceItemListParams")
async def listing(call: Call) -> Body:
    params = call.params
    match: dict[str, Any] = {name: params[name] for name in ("customer", "invoice") if name in params}
    if params.get("pending"):
        match["invoice"] = None
    return await call.store.page("invoiceitem", params, call.path, **match)


@route("GET", "/v1/invoiceitems/{invoiceitem}", "_invoice_item_retrieve_params:InvoiceItemRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["invoiceitem"], "invoiceitem", "invoiceitem")


@route("POST", "/v1/invoiceitems/{invoiceitem}", "_invoice_item_update_params:InvoiceItemUpdateParams")
async def update(call: Call) -> Body:
    params = call.params
    _check(params)
    item = await call.store.get(call.ids["invoiceitem"], "invoiceitem", "invoiceitem")
    draft = await _draft(call.store, item["invoice"]) if item["invoice"] else None
    for name in ("price_data", "pricing", "quantity", "quantity_decimal", "unit_amount_decimal"):
        if name in params:
            raise invalid("The sandbox changes an item's amount only.", param=name)
    merge(item, params, "amount", "description", "period", "discountable")
    if "amount" in params:
        item["net_amount"] = item["amount"]
        item["pricing"]["unit_amount_decimal"] = str(item["amount"])
    await call.store.put(item)
    if draft is not None:
        lines = [line_of(item) if _is(line, item) else line for line in draft["lines"]["data"]]
        await _restate(call.store, draft, lines)
    return item


@route("DELETE", "/v1/invoiceitems/{invoiceitem}", "_invoice_item_delete_params:InvoiceItemDeleteParams")
async def delete(call: Call) -> Body:
    item = await call.store.get(call.ids["invoiceitem"], "invoiceitem", "invoiceitem")
    if item["invoice"]:
        draft = await _draft(call.store, item["invoice"])
        await _restate(call.store, draft, [one for one in draft["lines"]["data"] if not _is(one, item)])
    await call.store.remove(item["id"])
    await call.store.emit("invoiceitem.deleted", item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def _is(line: Body, item: Body) -> bool:
    return bool((line["parent"]["invoice_item_details"] or {}).get("invoice_item") == item["id"])
