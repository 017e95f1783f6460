"""The private side of a hosted page, for Stripe's command-line client alone."""

from billing.sandbox.charging import resolve_method
from billing.sandbox.errors import ApiError
from billing.sandbox.paying import Asked, Payer, Refused, pay
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body


@route("GET", "/v1/payment_pages/{session}", "")
async def read(call: Call) -> Body:
    return await call.store.get(call.ids["session"], "checkout.session", "session")


@route("POST", "/v1/payment_pages/{session}/confirm", "")
async def confirm(call: Call) -> Body:
    """Pays the session with a payment method's card. Raises ``ApiError`` 402 when that is declined."""
    session = await call.store.get(call.ids["session"], "checkout.session", "session")
    method = await resolve_method(call.store, str(call.params.get("payment_method")))
    outcome = await pay(call.store, session, Payer(method["_card"], email=method["billing_details"]["email"]))
    if isinstance(outcome, Refused | Asked):
        raise ApiError(
            402, "The card was declined.", type="card_error", code="card_declined", keeps_work=True
        )
    return outcome.session
