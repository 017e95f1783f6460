"""Invoices, their lines, their payments, and the preview of the next one."""

from copy import deepcopy
from typing import Any

from billing.sandbox import invoice_items, invoicing
from billing.sandbox.changing import settle_pending
from billing.sandbox.charging import card_error, resolve_method
from billing.sandbox.config import DAY
from billing.sandbox.drafting import compute
from billing.sandbox.errors import ApiError, invalid, missing_param
from billing.sandbox.local_time import local
from billing.sandbox.previewing import preview
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, list_of, merge
from billing.sandbox.store import Store
from billing.sandbox.subscribing import after_invoice, default_method

TAKEN = (
    *("description", "footer", "auto_advance", "default_payment_method", "due_date"),
    *("collection_method",),
)
NOT_OURS = (
    *("account_tax_ids", "application_fee_amount", "default_tax_rates", "discounts", "from_invoice"),
    *("on_behalf_of", "shipping_cost", "transfer_data", "issuer"),
)


@route("GET", "/v1/invoices", "_invoice_list_params:InvoiceListParams")
async def listing(call: Call) -> Body:
    params = call.params
    names = ("customer", "status", "collection_method")
    match: dict[str, Any] = {name: params[name] for name in names if name in params}
    if "subscription" in params:
        match["parent"] = {"subscription_details": {"subscription": params["subscription"]}}
    return await call.store.page("invoice", params, call.path, **match)


@route("POST", "/v1/invoices/create_preview", "_invoice_create_preview_params:InvoiceCreatePreviewParams")
async def create_preview(call: Call) -> Body:
    return await preview(call.store, call.params)


@route("GET", "/v1/invoices/{invoice}", "_invoice_retrieve_params:InvoiceRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["invoice"], "invoice", "invoice")


@route("POST", "/v1/invoices", "_invoice_create_params:InvoiceCreateParams")
async def create(call: Call) -> Body:
    """A draft of what waits for the customer, or an empty one; nothing of it happens by itself."""
    params = call.params
    for name in NOT_OURS:
        if params.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=name)
    if "customer" not in params:
        raise missing_param("customer")
    customer = await call.store.get(params["customer"], "customer", "customer")
    store = await local(call.store, customer)
    subscription = None
    if "subscription" in params:
        subscription = await store.get(params["subscription"], "subscription", "subscription")
    currency = params.get("currency") or (subscription or {}).get("currency") or "usd"
    waiting: list[Body] = []
    if params.get("pending_invoice_items_behavior") == "include" or subscription is not None:
        waiting = await invoice_items.waiting(store, customer["id"], currency, params.get("subscription"))
    invoice = compute(
        store,
        customer,
        [invoice_items.line_of(item) for item in waiting],
        reason="manual" if subscription is None else "subscription_update",
        currency=currency,
        subscription=subscription,
        automatic_tax=(params.get("automatic_tax") or {}).get("enabled"),
    )
    invoice["auto_advance"] = False
    merge(invoice, params, *TAKEN)
    if "days_until_due" in params:
        invoice["due_date"] = store.now + params["days_until_due"] * DAY
    _hold(store, invoice, params)
    await invoice_items.take(store, waiting, invoice["id"])
    return await store.created(invoice)


@route("POST", "/v1/invoices/{invoice}", "_invoice_update_params:InvoiceUpdateParams")
async def update(call: Call) -> Body:
    params = call.params
    for name in NOT_OURS:
        if params.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=name)
    invoice = await call.store.get(call.ids["invoice"], "invoice", "invoice")
    if invoice["status"] != "draft" and params.keys() - {"metadata", "auto_advance", "description"}:
        raise invalid("Finalized invoices can't be updated in this way.", code="invoice_not_editable")
    before = deepcopy(invoice)
    merge(invoice, params, *TAKEN)
    _hold(await local(call.store, invoice), invoice, params)
    return await call.store.changed(before, invoice)


def _hold(store: Store, invoice: Body, params: Body) -> None:
    """When the draft is finalized by itself: at the time that was said, or a while from now, or never."""
    if invoice["status"] != "draft" or not params.keys() & {"auto_advance", "automatically_finalizes_at"}:
        return
    at = params.get("automatically_finalizes_at") or store.now + store.rules.draft_seconds
    if not invoice["auto_advance"] and "automatically_finalizes_at" in params:
        raise invalid("automatically_finalizes_at needs auto_advance.", param="automatically_finalizes_at")
    invoice["automatically_finalizes_at"] = invoice["_due"] = at if invoice["auto_advance"] else None


@route("DELETE", "/v1/invoices/{invoice}", "_invoice_delete_params:InvoiceDeleteParams")
async def delete(call: Call) -> Body:
    """Forgets a draft that no subscription made; its items wait again."""
    invoice = await call.store.get(call.ids["invoice"], "invoice", "invoice")
    if invoice["status"] != "draft" or invoice["parent"]:
        raise invalid("You can only delete draft invoices that are not of a subscription.")
    for item in await call.store.select("invoiceitem", invoice=invoice["id"]):
        await call.store.put({**item, "invoice": None})
    await call.store.remove(invoice["id"])
    await call.store.emit("invoice.deleted", invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@route("GET", "/v1/invoices/{invoice}/lines", "_invoice_line_item_list_params:InvoiceLineItemListParams")
async def lines(call: Call) -> Body:
    invoice = await call.store.get(call.ids["invoice"], "invoice", "invoice")
    found = invoice["lines"]["data"]
    start = 0
    if after := call.params.get("starting_after"):
        ids = [line["id"] for line in found]
        if after not in ids:
            raise invalid(f"No such line item: '{after}'", param="starting_after")
        start = ids.index(after) + 1
    end = start + call.params.get("limit", 10)
    return list_of(found[start:end], call.path, has_more=len(found) > end)


@route(
    "POST", "/v1/invoices/{invoice}/finalize", "_invoice_finalize_invoice_params:InvoiceFinalizeInvoiceParams"
)
async def finalize(call: Call) -> Body:
    invoice = await call.store.get(call.ids["invoice"], "invoice", "invoice")
    store = await local(call.store, invoice)
    advance = call.params.get("auto_advance", invoice["auto_advance"])
    invoice = await invoicing.finalize(store, {**invoice, "auto_advance": advance})
    if invoice["status"] == "open" and invoice["auto_advance"]:
        invoice["_due"] = store.now  # collected by the timeline, as by itself
        await store.put(invoice)
    await after_invoice(store, invoice)
    return invoice


@route("POST", "/v1/invoices/{invoice}/pay", "_invoice_pay_params:InvoicePayParams")
async def pay(call: Call) -> Body:
    invoice = await call.store.get(call.ids["invoice"], "invoice", "invoice")
    store = await local(call.store, invoice)
    if invoice["status"] == "draft":
        invoice = await invoicing.finalize(store, invoice)
        if invoice["status"] == "paid":
            await after_invoice(store, invoice)
            return invoice
    if call.params.get("paid_out_of_band"):
        raise invalid("The sandbox does not do paid_out_of_band.", param="paid_out_of_band")
    if invoice["status"] == "paid":
        if invoice["amount_due"] == 0:
            return invoice
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        raise invalid(f"This invoice is {invoice['status']}: it cannot be paid.")
    invoice = await invoicing.collect(
        store,
        invoice,
        await _method(store, invoice, call.params),
        off_session=call.params.get("off_session", True),
        by_hand=True,
    )
    await after_invoice(store, invoice)
    await settle_pending(store, invoice)
    if invoice["status"] != "paid":
        intent = await store.get(invoice["_intent"], "payment_intent")
        if intent["status"] == "processing":
            return invoice
        if intent["last_payment_error"]:
            raise card_error(intent)
        raise ApiError(
            402,
            "Payment for this invoice requires additional user action before it can be completed.",
            type="card_error",
            code="invoice_payment_intent_requires_action",
            keeps_work=True,
        )
    return invoice


async def _method(store: Store, invoice: Body, params: Body) -> Body:
    method: Body | None = None
    if "payment_method" in params:
        method = await resolve_method(store, params["payment_method"], invoice["customer"])
    elif invoice["default_payment_method"]:
        method = await resolve_method(store, invoice["default_payment_method"], invoice["customer"])
    elif invoice["parent"] and invoice["parent"]["subscription_details"]:
        subscription = await store.get(
            invoice["parent"]["subscription_details"]["subscription"], "subscription"
        )
        method = await default_method(store, subscription)
    else:
        customer = await store.get(invoice["customer"], "customer")
        default = customer["invoice_settings"]["default_payment_method"]
        method = await resolve_method(store, default, customer["id"]) if default else None
    if method is None:
        raise invalid(
            "There is no default_payment_method set on this Customer or Invoice.",
            code="invoice_payment_method_missing",
        )
    return method


@route("POST", "/v1/invoices/{invoice}/void", "_invoice_void_invoice_params:InvoiceVoidInvoiceParams")
async def void(call: Call) -> Body:
    return await _close(call, "void")


@route(
    "POST",
    "/v1/invoices/{invoice}/mark_uncollectible",
    "_invoice_mark_uncollectible_params:InvoiceMarkUncollectibleParams",
)
async def mark_uncollectible(call: Call) -> Body:
    return await _close(call, "uncollectible")


@route("POST", "/v1/invoices/{invoice}/send", "_invoice_send_invoice_params:InvoiceSendInvoiceParams")
async def send(call: Call) -> Body:
    """Says that it was sent; a draft is finalized first. It is paid at its ``hosted_invoice_url``."""
    invoice = await call.store.get(call.ids["invoice"], "invoice", "invoice")
    store = await local(call.store, invoice)
    if invoice["status"] == "draft":
        invoice = await invoicing.finalize(store, invoice)
        await after_invoice(store, invoice)
    await store.emit("invoice.sent", invoice)
    return invoice


async def _close(call: Call, status: str) -> Body:
    invoice = await call.store.get(call.ids["invoice"], "invoice", "invoice")
    store = await local(call.store, invoice)
    invoice = await invoicing.close(store, invoice, status)
    await settle_pending(store, invoice)
    return invoice


@route("GET", "/v1/invoice_payments", "_invoice_payment_list_params:InvoicePaymentListParams")
async def payments(call: Call) -> Body:
    params = call.params
    match: dict[str, Any] = {name: params[name] for name in ("invoice", "status") if name in params}
    if payment := params.get("payment"):
        match["payment"] = {key: value for key, value in payment.items() if key != "type"}
    return await call.store.page("invoice_payment", params, call.path, **match)


@route(
    "GET",
    "/v1/invoice_payments/{invoice_payment}",
    "_invoice_payment_retrieve_params:InvoicePaymentRetrieveParams",
)
async def payment(call: Call) -> Body:
    return await call.store.get(call.ids["invoice_payment"], "invoice_payment", "invoice_payment")
