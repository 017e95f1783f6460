"""What Stripe's own command-line client still sends that the installed SDK's types do not know.

Its fixtures are older than endive. For it alone, known by its ``User-Agent``, these are read as what they
mean now; everybody else is held to the types.
"""

from typing import Any

from starlette.requests import Request

from billing.sandbox.shape import Body

PRIVATE = "/v1/payment_pages/"
"""Stripe's own address for a hosted page, which no SDK has."""


def is_foreign(request: Request) -> bool:
    """Whether ``stripe trigger`` is asking."""
    return "stripe-cli/" in request.headers.get("user-agent", "")


def adapt(request: Request, raw: Body) -> Body:
    """The parameters as they are named now."""
    if not is_foreign(request) or request.url.path.startswith("/v2/"):
        return raw
    path = request.url.path
    adapted = {name: value for name, value in raw.items() if name != "payment_method_types"}
    if path == "/v1/subscription_schedules" and isinstance(adapted.get("phases"), dict):
        adapted["phases"] = {index: _phase(phase) for index, phase in adapted["phases"].items()}
    if path == "/v1/customers" and adapted.pop("source", None) is not None:
        method = "pm_card_visa"
        adapted |= {"payment_method": method, "invoice_settings": {"default_payment_method": method}}
    if path == "/v1/accounts" and not adapted:
        # What it makes without a word is paid at once: an account that brings its own papers.
        adapted = {
            "type": "custom",
            "capabilities": {"transfers": {"requested": "true"}},
            "tos_acceptance": {"date": "1", "ip": "127.0.0.1"},
        }
    return adapted


def _phase(phase: Any) -> Any:
    if not isinstance(phase, dict) or "iterations" not in phase:
        return phase
    kept = {name: value for name, value in phase.items() if name != "iterations"}
    return {**kept, "duration": {"interval": "month", "interval_count": phase["iterations"]}}
