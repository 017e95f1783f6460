"""The pages people look at: payment, onboarding, the index. Each says that it is a sandbox."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from billing.sandbox.errors import ApiError
from billing.sandbox.fees import THREE_DECIMAL, ZERO_DECIMAL
from billing.sandbox.paying import Asked, Paid, Payer, Refused, pay
from billing.sandbox.runtime import Runtime
from billing.sandbox.shape import Body
from billing.sandbox.words import words_for

HERE = Path(__file__).parent / "templates"

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
"""No ``form-action``: browsers hold it against the redirect to the merchant that follows a form."""

TEMPLATES = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)


def money(amount: int, currency: str) -> str:
    """``990, "cny"`` as ``CNY 9.90``."""
    digits = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return f"{currency.upper()} {Decimal(amount).scaleb(-digits):,.{digits}f}"


def day(moment: int) -> str:
    """A moment's date, in UTC."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def page(request: Request, name: str, status: int = 200, **values: Any) -> Response:
    """A page in the reader's language, with the headers every page has."""
    words = words_for(request.headers.get("accept-language", ""))
    text = TEMPLATES.get_template(name).render(w=words, money=money, day=day, **values)
    headers = {
        "Content-Security-Policy": POLICY,
        "Content-Language": words["lang"],
        "Vary": "Accept-Language",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(text, status, headers)


def gone(request: Request, kind: str) -> Response:
    """What was asked for is not there (any more)."""
    return page(request, "message.html", 404, kind=kind)


async def index(request: Request) -> Response:
    """``GET /``: what this is, and what has happened lately."""
    runtime: Runtime = request.app.state.runtime
    async with runtime.work(writes=False) as store:
        sessions = await store.page("checkout.session", {"limit": 10}, "")
        events = await store.page("event", {"limit": 20}, "")
    return page(request, "index.html", sessions=sessions["data"], events=events["data"])


async def stylesheet(_request: Request) -> Response:
    """The one stylesheet, which carries no script and no outside address."""
    text = (HERE / "style.css").read_text()
    return PlainTextResponse(text, media_type="text/css", headers={"X-Content-Type-Options": "nosniff"})


async def payment(request: Request) -> Response:
    """``/pay/{session}``: the form, and what it does.

    Fields: ``card`` (and ``email``, ``name``, ``country``, ``tax_id``, ``tax_id_type``); ``cancel`` goes back
    to the shop; a card that asks for authentication answers with a second page, whose field is
    ``authenticate`` (``complete`` or ``fail``). A program may send all at once; it agrees to the terms unless
    it sends ``terms=declined``. Paid or canceled: 303. Declined: 402, the page again with the reason.
    """
    runtime: Runtime = request.app.state.runtime
    id = request.path_params["session"]
    if request.method == "GET":
        async with runtime.work(writes=False) as store:
            session = await store.find(id, "checkout.session")
        return _shown(request, session)
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    async with runtime.work() as store:
        session = await store.find(id, "checkout.session")
        if session is None or session["status"] != "open":
            return _shown(request, session)
        if "cancel" in form:
            return _back(session["cancel_url"] or session["success_url"], session)
        payer = payer_of(form)
        outcome: Paid | Refused | Asked | None = None
        try:
            async with store.connection.transaction():
                outcome = await pay(store, session, payer)
        except ApiError as error:
            outcome = Refused(str(error.body.get("code", "invalid")), str(error))
    runtime.deliver_soon()
    if isinstance(outcome, Paid):
        return _back(session["success_url"], session)
    if isinstance(outcome, Asked):
        return asked(request, form, session["amount_total"], session["currency"])
    return _refused(request, session, outcome)


def asked(request: Request, form: dict[str, str], amount: int, currency: str) -> Response:
    """The bank's question, which brings the form back with its answer."""
    fields = [(name, value) for name, value in form.items() if name != "authenticate"]
    return page(request, "authenticate.html", amount=amount, currency=currency, fields=fields)


def payer_of(form: dict[str, str]) -> Payer:
    """Who pays, by the form's fields."""
    said = {"complete": True, "fail": False}
    return Payer(
        form.get("card", ""),
        email=form.get("email") or None,
        name=form.get("name") or None,
        country=form.get("country", "").strip().upper()[:2] or None,
        tax_id=form.get("tax_id") or None,
        tax_id_type=form.get("tax_id_type", "eu_vat"),
        authenticated=said.get(form.get("authenticate", "")),
        agrees=form.get("terms", "accepted") == "accepted" and not ("shown" in form and "terms" not in form),
    )


def _shown(request: Request, session: Body | None) -> Response:
    if session is None:
        return gone(request, "missing")
    if session["status"] != "open":
        return gone(request, session["status"])
    return _form(request, session, 200, None)


def _refused(request: Request, session: Body, refusal: Refused) -> Response:
    return _form(request, session, 402, refusal.code)


def _form(request: Request, session: Body, status: int, reason: str | None) -> Response:
    email = session["customer_email"] or (session["customer_details"] or {}).get("email")
    return page(request, "pay.html", status, session=session, reason=reason, email=email)


def _back(url: str, session: Body) -> Response:
    return RedirectResponse(url.replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)
