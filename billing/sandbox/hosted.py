"""The other hosted pages: onboarding, the customer portal, invoices and receipts."""

from copy import deepcopy

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from billing.sandbox.pages import gone, page
from billing.sandbox.resources.accounts import onboard
from billing.sandbox.runtime import Runtime
from billing.sandbox.shape import Body


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


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


async def portal(request: Request) -> Response:
    """``/portal/{session}``: the customer's subscriptions; POST ``subscription`` and ``end`` (1 or 0)."""
    runtime = _runtime(request)
    form = await request.form() if request.method == "POST" else {}
    async with runtime.work() as store:
        session = await store.find(request.path_params["session"], "billing_portal.session")
        if session is None:
            return gone(request, "missing")
        found = await store.select("subscription", customer=session["customer"])
        running = [one for one in found if one["status"] in ("active", "trialing", "past_due")]
        chosen = next((one for one in running if one["id"] == form.get("subscription")), None)
        if chosen is not None:
            before = deepcopy(chosen)
            _set_end(chosen, store.now, ends=form.get("end") == "1")
            await store.changed(before, chosen)
    if request.method == "POST":
        runtime.deliver_soon()
        return RedirectResponse(request.url.path, 303)
    return page(request, "portal.html", session=session, subscriptions=running)


def _set_end(subscription: Body, now: int, *, ends: bool) -> None:
    end = subscription["items"]["data"][0]["current_period_end"]
    subscription.update(
        cancel_at_period_end=ends,
        cancel_at=end if ends else None,
        canceled_at=now if ends else None,
        _due=end,
    )
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if ends else None


async def invoice(request: Request) -> Response:
    """``/invoices/{invoice}``: its lines and its state."""
    async with _runtime(request).work(writes=False) as store:
        found = await store.find(request.path_params["invoice"], "invoice")
    return page(request, "invoice.html", invoice=found) if found else gone(request, "missing")


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
    Route("/portal/{session}", portal, methods=["GET", "POST"]),
    Route("/invoices/{invoice}", invoice),
    Route("/receipts/{intent}", receipt),
    Route("/express/{account}", express),
]
