"""Invoices, their lines, their payments, and the preview of the next one."""

from copy import deepcopy
from typing import Any

from billing.sandbox import invoicing
from billing.sandbox.changing import plan_change, settle_pending
from billing.sandbox.charging import card_error, resolve_method
from billing.sandbox.errors import ApiError, invalid
from billing.sandbox.lines import Span, is_metered, used
from billing.sandbox.local_time import local
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, list_of, merge, new_id
from billing.sandbox.store import Store
from billing.sandbox.subscribing import after_invoice, default_method, next_lines


@route("GET", "/v1/invoices", "_invoice_list_params:InvoiceListParams")
async def listing(call: Call) -> Body:
    params = call.params
    names = ("customer", "status", "collection_method")
    match: dict[str, Any] = {name: params[name] for name in names if name in params}
    if "subscription" in params:
        match["parent"] = {"subscription_details": {"subscription": params["subscription"]}}
    return await call.store.page("invoice", params, call.path, **match)


@route("POST", "/v1/invoices/create_preview", "_invoice_create_preview_params:InvoiceCreatePreviewParams")
async def preview(call: Call) -> Body:
    params = call.params
    details = params.get("subscription_details") or {}
    subscription = await _subject(call.store, params)
    if subscription is None:
        raise ApiError(404, "No upcoming invoices for customer.", code="invoice_upcoming_none")
    customer = await call.store.get(subscription["customer"], "customer")
    store = await local(call.store, customer)
    lines = await _preview_lines(store, subscription, details)
    invoice = invoicing.compute(
        store,
        customer,
        lines,
        reason="upcoming",
        currency=subscription["currency"],
        subscription=subscription,
    )
    item = subscription["items"]["data"][0]
    end = item["current_period_end"]
    id = f"upcoming_{new_id('in')}"
    invoice.update(
        id=id,
        created=end,
        next_payment_attempt=end + invoicing.GRACE,
        period_start=item["current_period_start"],
        period_end=end,
    )
    for line in lines:
        line["invoice"] = id
    invoice["lines"]["url"] = f"/v1/invoices/upcoming/lines?subscription={subscription['id']}"
    return invoice


async def _subject(store: Store, params: Body) -> Body | None:
    """The subscription that is asked about, or the customer's first that still bills something."""
    if "subscription" in params:
        return await store.get(params["subscription"], "subscription", "subscription")
    if "customer" not in params:
        raise invalid("You must pass either subscription or customer.")
    await store.get(params["customer"], "customer", "customer")
    found = await store.select("subscription", customer=params["customer"])
    running = [one for one in found if one["status"] in ("active", "trialing", "past_due")]
    return running[0] if running else None


async def _preview_lines(store: Store, subscription: Body, details: Body) -> list[Body]:
    pending = deepcopy(subscription.get("_pending_lines", []))
    ends = details.get("cancel_at_period_end", subscription["cancel_at_period_end"])
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise ApiError(404, "The subscription is canceled.", code="invoice_upcoming_none")
    if details.get("cancel_now") or ends:
        until = store.now if details.get("cancel_now") else None
        lines = [
            line
            for item in subscription["items"]["data"]
            if is_metered(item)
            for line in await used(
                store,
                item,
                subscription["customer"],
                Span(item["current_period_start"], until or item["current_period_end"]),
            )
        ]
        if not lines and not pending:
            raise ApiError(404, "No upcoming invoices for customer.", code="invoice_upcoming_none")
        return [*pending, *lines]
    if "items" not in details:
        return [*pending, *await next_lines(store, deepcopy(subscription), advance=False)]
    behavior = details.get("proration_behavior", "create_prorations")
    change = await plan_change(store, subscription, details["items"], prorate=behavior != "none")
    if behavior == "always_invoice" or change.anchor is not None:
        return [*pending, *change.lines]
    changed = deepcopy(subscription)
    changed["items"]["data"] = change.items
    return [*pending, *change.lines, *await next_lines(store, changed, advance=False)]


@route("GET", "/v1/invoices/{invoice}", "_invoice_retrieve_params:InvoiceRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["invoice"], "invoice", "invoice")


@route("POST", "/v1/invoices/{invoice}", "_invoice_update_params:InvoiceUpdateParams")
async def update(call: Call) -> Body:
    invoice = await call.store.get(call.ids["invoice"], "invoice", "invoice")
    before = deepcopy(invoice)
    merge(invoice, call.params, "description", "footer", "auto_advance")
    return await call.store.changed(before, invoice)


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
    invoice = await invoicing.finalize(store, invoice)
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
    )
    await after_invoice(store, invoice)
    await settle_pending(store, invoice)
    if invoice["status"] != "paid":
        intent = await store.get(invoice["_intent"], "payment_intent")
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
    elif invoice["parent"] and invoice["parent"]["subscription_details"]:
        subscription = await store.get(
            invoice["parent"]["subscription_details"]["subscription"], "subscription"
        )
        method = await default_method(store, subscription)
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
