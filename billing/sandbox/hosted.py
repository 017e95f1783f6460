"""The other hosted pages: onboarding, the customer portal, invoices and receipts."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from billing.sandbox import portal
from billing.sandbox.errors import ApiError
from billing.sandbox.invoice_page import pay_invoice
from billing.sandbox.pages import asked, gone, page, payer_of
from billing.sandbox.paying import Asked, Refused
from billing.sandbox.resources.accounts import onboard
from billing.sandbox.runtime import Runtime


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def _form(request: Request) -> dict[str, str]:
    if request.method != "POST":
        return {}
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


async def onboarding(request: Request) -> Response:
    """``/onboard/{link}``: POST submits the account's details; then 303 to its return URL.

    A link that was used or is over goes to its refresh URL, as Stripe's do.
    """
    runtime = _runtime(request)
    async with runtime.work() as store:
        link = await store.find(request.path_params["link"], "account_link")
        if link is None:
            return gone(request, "missing")
        if link["_used"] or link["expires_at"] < store.now:
            return RedirectResponse(link["_refresh"], 303)
        account = await store.get(link["_account"], "account")
        if request.method == "GET":
            return page(request, "onboard.html", account=account)
        await onboard(store, account)
        await store.put({**link, "_used": True})
    runtime.deliver_soon()
    return RedirectResponse(link["_return"], 303)


async def customer_portal(request: Request) -> Response:
    """``/portal/{session}``: the customer's plans and card.

    POST ``subscription`` and ``end`` (1 or 0) lets one end with its period or keeps it; POST ``card`` is the
    card that all are paid with from now on. Then 303 to the page again; 402 for a card that is no good.
    """
    runtime = _runtime(request)
    form = await _form(request)
    reason: str | None = None
    async with runtime.work() as store:
        session = await store.find(request.path_params["session"], "billing_portal.session")
        if session is None:
            return gone(request, "missing")
        try:
            if "card" in form:
                reason = await portal.change_card(store, session["customer"], form["card"])
            elif "subscription" in form:
                await portal.set_end(
                    store, session["customer"], form["subscription"], ends=form.get("end") == "1"
                )
        except ApiError as error:
            reason = str(error.body.get("code", "invalid"))
        shown: dict[str, Any] = await portal.shown(store, session["customer"])
    if request.method == "POST" and reason is None:
        runtime.deliver_soon()
        return RedirectResponse(request.url.path, 303)
    return page(request, "portal.html", 402 if reason else 200, session=session, reason=reason, **shown)


async def invoice(request: Request) -> Response:
    """``/invoices/{invoice}``: its lines and its state; POST ``card`` pays it while it is open.

    Paid: 303 to the page again. Declined: 402, the page with the reason.
    """
    runtime = _runtime(request)
    form = await _form(request)
    outcome: object = None
    async with runtime.work(writes=request.method == "POST") as store:
        found = await store.find(request.path_params["invoice"], "invoice")
        if found is None or found["status"] == "draft":
            return gone(request, "missing")
        if request.method == "POST" and found["status"] == "open":
            try:
                async with store.connection.transaction():
                    outcome = await pay_invoice(store, found, payer_of(form))
            except ApiError as error:
                outcome = Refused(str(error.body.get("code", "invalid")), str(error))
            found = await store.get(found["id"], "invoice")
    if isinstance(outcome, Asked):
        return asked(request, form, found["amount_due"], found["currency"])
    if isinstance(outcome, Refused):
        runtime.deliver_soon()
        return page(request, "invoice.html", 402, invoice=found, reason=outcome.code)
    if request.method == "POST":
        runtime.deliver_soon()
        return RedirectResponse(request.url.path, 303)
    return page(request, "invoice.html", invoice=found, reason=None)


async def receipt(request: Request) -> Response:
    """``/receipts/{intent}``: what was paid."""
    async with _runtime(request).work(writes=False) as store:
        found = await store.find(request.path_params["intent"], "payment_intent")
    return page(request, "receipt.html", intent=found) if found else gone(request, "missing")


async def express(request: Request) -> Response:
    """``/express/{account}``: where a login link leads."""
    async with _runtime(request).work(writes=False) as store:
        found = await store.find(request.path_params["account"], "account")
    return page(request, "express.html", account=found) if found else gone(request, "missing")


ROUTES = [
    Route("/onboard/{link}", onboarding, methods=["GET", "POST"]),
    Route("/portal/{session}", customer_portal, methods=["GET", "POST"]),
    Route("/invoices/{invoice}", invoice, methods=["GET", "POST"]),
    Route("/receipts/{intent}", receipt),
    Route("/express/{account}", express),
]
