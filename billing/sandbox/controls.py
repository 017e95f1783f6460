"""``/_sandbox/…``: what a test may do to the sandbox that nobody can do to Stripe."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from billing.sandbox import timeline
from billing.sandbox.booking import book
from billing.sandbox.disputing import decide, escalate, open_dispute
from billing.sandbox.errors import ApiError
from billing.sandbox.faults import Faults
from billing.sandbox.payouts import decide_payout, pay_out
from billing.sandbox.refunding import decide_refund
from billing.sandbox.resources.accounts import deauthorize, restrict
from billing.sandbox.resources.radar import warn
from billing.sandbox.rules import Rules
from billing.sandbox.runtime import Runtime
from billing.sandbox.shape import Body, public
from billing.sandbox.store import Store


async def _body(request: Request) -> dict[str, Any]:
    try:
        decoded = json.loads(await request.body() or b"{}")
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        raise ApiError(400, "The body must be a JSON object.")
    return decoded


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def health(request: Request) -> Response:
    """200 once the database answers."""
    async with _runtime(request).pool.connection() as connection:
        await connection.execute("SELECT 1")
    return JSONResponse({"status": "ok", "now": _runtime(request).now()})


async def faults(request: Request) -> Response:
    """GET shows them, POST sets the named ones, DELETE takes all away."""
    runtime = _runtime(request)
    if request.method == "DELETE":
        runtime.faults = Faults()
    if request.method == "POST":
        try:
            runtime.faults.set(await _body(request))
        except ApiError as error:
            return JSONResponse({"error": error.body}, error.status)
    runtime.deliver_soon()
    return JSONResponse(asdict(runtime.faults))


async def rules(request: Request) -> Response:
    """GET shows what the account is set to, POST sets the named ones, DELETE puts all back."""
    runtime = _runtime(request)
    try:
        if request.method != "GET":
            wanted = Rules() if request.method == "DELETE" else runtime.rules.changed(await _body(request))
            async with runtime.work() as store:
                await runtime.set_rules(store, wanted)
    except ApiError as error:
        return JSONResponse({"error": error.body}, error.status)
    return JSONResponse(asdict(runtime.rules))


async def advance(request: Request) -> Response:
    """``{"seconds": n}`` moves the sandbox's own time on; what falls due on the way happens."""
    runtime = _runtime(request)
    try:
        seconds = (await _body(request)).get("seconds")
    except ApiError as error:
        return JSONResponse({"error": error.body}, error.status)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= 10 * 366 * 86_400:
        return JSONResponse({"error": {"message": "seconds must be an integer, up to ten years"}}, 400)
    async with runtime.work() as store:
        await runtime.set_offset(store, runtime.offset + seconds)
        worked = await timeline.run(store, runtime.now())
    runtime.deliver_soon()
    return JSONResponse({"now": runtime.now(), "worked": worked})


async def top_up(store: Store, body: Body) -> Body:
    """``{"amount": n, "currency": "cny"}`` adds to the available balance (of ``account``, if given)."""
    amount, currency = body.get("amount"), body.get("currency")
    if not isinstance(amount, int) or not isinstance(currency, str):
        raise ApiError(400, "amount and currency are needed")
    transaction = await book(store, amount=amount, currency=currency, type="topup", source=None)
    return {"balance_transaction": transaction["id"]}


async def disputes(store: Store, body: Body) -> Body:
    """``{"charge": id}`` opens a dispute (``inquiry``, ``amount`` and ``reason`` may be said).

    ``{"dispute": id, "status": word}`` decides one: ``won``, ``lost``, ``warning_closed`` for an inquiry, or
    ``needs_response`` for one that becomes a chargeback.
    """
    if "charge" in body:
        return await open_dispute(
            store,
            await store.get(str(body["charge"]), "charge", "charge"),
            inquiry=body.get("inquiry") is True,
            amount=body.get("amount"),
            reason=str(body.get("reason", "fraudulent")),
        )
    dispute = await store.get(str(body.get("dispute")), "dispute", "dispute")
    status = str(body.get("status"))
    return await (escalate(store, dispute) if status == "needs_response" else decide(store, dispute, status))


async def refunds(store: Store, body: Body) -> Body:
    """``{"refund": id, "status": "succeeded" | "failed"}``: what the bank says in the end."""
    refund = await store.get(str(body.get("refund")), "refund", "refund")
    return await decide_refund(store, refund, str(body.get("status")))


async def payouts(store: Store, body: Body) -> Body:
    """``{"payout": id, "status": "paid" | "failed"}`` decides one.

    ``{"amount", "currency"}`` pays out, as an account's owner or its schedule does (of ``account``).
    """
    if "payout" not in body:
        if not isinstance(body.get("amount"), int) or not isinstance(body.get("currency"), str):
            raise ApiError(400, "amount and currency are needed")
        return await pay_out(store, body)
    payout = await store.get(str(body["payout"]), "payout", "payout")
    return await decide_payout(store, payout, str(body.get("status")))


async def accounts(store: Store, body: Body) -> Body:
    """``{"id", "status"}``: ``restricted``, ``enabled`` again, or ``deauthorized``."""
    account = await store.get(str(body.get("id")), "account", "id")
    status = body.get("status")
    if status == "deauthorized":
        await deauthorize(store, account)
        return account
    if status not in ("restricted", "enabled"):
        raise ApiError(400, "An account is restricted, enabled or deauthorized.", param="status")
    return await restrict(store, account, restricted=status == "restricted")


async def fraud_warnings(store: Store, body: Body) -> Body:
    """``{"charge": id}``: the card's issuer warns."""
    return await warn(store, await store.get(str(body.get("charge")), "charge", "charge"))


def doing(work: Callable[[Store, Body], Awaitable[Body]]) -> Callable[[Request], Awaitable[Response]]:
    """The route of a deed: its body read, done in one transaction, its events sent, its object shown."""

    async def answer(request: Request) -> Response:
        runtime = _runtime(request)
        try:
            body = await _body(request)
            async with runtime.work(str(body.get("account", ""))) as store:
                done = await work(store, body)
        except ApiError as error:
            return JSONResponse({"error": public(error.body)}, error.status)
        runtime.deliver_soon()
        return JSONResponse(public(done))

    return answer


async def deliveries(request: Request) -> Response:
    """What was sent, what waits, and what the endpoints said; newest first."""
    async with _runtime(request).pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT event_id, url, attempts, delivered IS NOT NULL, last_answer FROM sandbox.delivery"
            " ORDER BY id DESC LIMIT 200"
        )
        rows = await cursor.fetchall()
    names = ("event", "url", "attempts", "delivered", "last_answer")
    return JSONResponse({"data": [dict(zip(names, row, strict=True)) for row in rows]})


ROUTES = [
    Route("/_sandbox/health", health),
    Route("/_sandbox/faults", faults, methods=["GET", "POST", "DELETE"]),
    Route("/_sandbox/rules", rules, methods=["GET", "POST", "DELETE"]),
    Route("/_sandbox/advance", advance, methods=["POST"]),
    Route("/_sandbox/balance", doing(top_up), methods=["POST"]),
    Route("/_sandbox/disputes", doing(disputes), methods=["POST"]),
    Route("/_sandbox/refunds", doing(refunds), methods=["POST"]),
    Route("/_sandbox/payouts", doing(payouts), methods=["POST"]),
    Route("/_sandbox/accounts", doing(accounts), methods=["POST"]),
    Route("/_sandbox/fraud_warnings", doing(fraud_warnings), methods=["POST"]),
    Route("/_sandbox/deliveries", deliveries),
]
