"""Every operation the sandbox has is called once, and its request, answer and events are checked."""

import re
import time
from collections import Counter
from typing import Any
from uuid import uuid4

import stripe

from billing.sandbox import server
from billing.sandbox.routes import ROUTES
from tests.contract.connecting import onboard
from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_operations import operation

EVENT = f"walked_{uuid4().hex}"
HOUR = int(time.time()) // 3600 * 3600
RECURRING: Any = {"interval": "month"}
LINK: Any = {
    "type": "account_onboarding",
    "return_url": "http://127.0.0.1/a",
    "refresh_url": "http://127.0.0.1/b",
}
PAID: Any = {"amount": 1000, "currency": "cny", "payment_method": "pm_card_visa", "confirm": True}
ITEM: Any = {"amount": 900, "currency": "cny"}
URL = "http://127.0.0.1:9/hook"

# What is made, in order: a name for it, the call, its parameters; "$name" is the id of an earlier one.
MADE: list[tuple[str, str, Any]] = [
    ("customer", "POST /v1/customers", {"payment_method": "pm_card_visa"}),
    ("other", "POST /v1/customers", {}),
    ("tax_id", "POST /v1/customers/$customer/tax_ids", {"type": "eu_vat", "value": "DE123456789"}),
    (
        "method",
        "POST /v1/payment_methods",
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}},
    ),
    ("", "POST /v1/payment_methods/$method/attach", {"customer": "$customer"}),
    ("product", "POST /v1/products", {"name": "x"}),
    ("spare", "POST /v1/products", {"name": "y"}),
    (
        "price",
        "POST /v1/prices",
        {"product": "$product", "currency": "cny", "unit_amount": 990, "recurring": RECURRING},
    ),
    (
        "subscription",
        "POST /v1/subscriptions",
        {"customer": "$customer", "items": [{"price": "$price"}], "default_payment_method": "$method"},
    ),
    (
        "second",
        "POST /v1/subscriptions",
        {"customer": "$customer", "items": [{"price": "$price"}], "default_payment_method": "$method"},
    ),
    ("schedule", "POST /v1/subscription_schedules", {"from_subscription": "$subscription"}),
    ("later", "POST /v1/subscription_schedules", {"from_subscription": "$second"}),
    (
        "session",
        "POST /v1/checkout/sessions",
        {
            "success_url": "http://127.0.0.1/",
            "mode": "subscription",
            "line_items": [{"price": "$price", "quantity": 1}],
        },
    ),
    ("", "POST /v1/billing_portal/sessions", {"customer": "$customer"}),
    ("intent", "POST /v1/payment_intents", {"amount": 900, "currency": "cny"}),
    ("charged", "POST /v1/payment_intents", {**PAID, "payment_method": "pm_card_createDispute"}),
    ("refunded", "POST /v1/payment_intents", PAID),
    ("refund", "POST /v1/refunds", {"payment_intent": "$refunded", "amount": 1}),
    ("setup", "POST /v1/setup_intents", {}),
    ("setup_left", "POST /v1/setup_intents", {}),
    ("intent_left", "POST /v1/payment_intents", {"amount": 900, "currency": "cny"}),
    ("item", "POST /v1/invoiceitems", {"customer": "$customer", **ITEM}),
    (
        "invoice",
        "POST /v1/invoices",
        {"customer": "$customer", "currency": "cny", "pending_invoice_items_behavior": "include"},
    ),
    ("draft", "POST /v1/invoices", {"customer": "$customer"}),
    ("empty", "POST /v1/invoices", {"customer": "$customer"}),
    ("waiting", "POST /v1/invoiceitems", {"customer": "$other", **ITEM}),
    ("topup", "POST /v1/topups", {"amount": 5000, "currency": "nzd"}),
    ("payout", "POST /v1/payouts", {"amount": 100, "currency": "nzd"}),
    (
        "account",
        "POST /v1/accounts",
        {
            "controller": {"stripe_dashboard": {"type": "express"}},
            "capabilities": {"transfers": {"requested": True}},
        },
    ),
    ("express", "POST /v1/accounts", {"controller": {"stripe_dashboard": {"type": "express"}}}),
    ("", "POST /v1/account_links", {"account": "$express", **LINK}),
    ("transfer", "POST /v1/transfers", {"amount": 100, "currency": "nzd", "destination": "$account"}),
    ("", "POST /v1/transfers/$transfer/reversals", {"amount": 1}),
    (
        "meter",
        "POST /v1/billing/meters",
        {"display_name": "x", "event_name": EVENT, "default_aggregation": {"formula": "sum"}},
    ),
    (
        "",
        "POST /v1/billing/meter_events",
        {
            "event_name": EVENT,
            "identifier": EVENT,
            "payload": {"stripe_customer_id": "$customer", "value": "1"},
        },
    ),
    (
        "",
        "POST /v1/billing/meter_event_adjustments",
        {"event_name": EVENT, "type": "cancel", "cancel": {"identifier": EVENT}},
    ),
    (
        "",
        "POST /v2/billing/meter_events",
        {"event_name": EVENT, "payload": {"stripe_customer_id": "$customer", "value": "1"}},
    ),
    ("", "POST /v2/billing/meter_event_session", {}),
    (
        "",
        "POST /v2/billing/meter_event_stream",
        {"events": [{"event_name": EVENT, "payload": {"stripe_customer_id": "cus_no", "value": "1"}}]},
    ),
    ("endpoint", "POST /v1/webhook_endpoints", {"url": URL, "enabled_events": ["plan.created"]}),
    (
        "destination",
        "POST /v2/core/event_destinations",
        {
            "name": "x",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["v1.plan.created"],
            "webhook_endpoint": {"url": URL},
        },
    ),
    ("clock", "POST /v1/test_helpers/test_clocks", {"frozen_time": HOUR}),
]

# What is read or changed, with the ids that were made; a list or a read takes no word of its own.
DONE: list[tuple[str, Any]] = [
    (
        "GET /v1/billing/meters/$meter/event_summaries",
        {"customer": "$customer", "start_time": HOUR, "end_time": HOUR + 3600},
    ),
    ("GET /v1/subscription_items", {"subscription": "$subscription"}),
    ("POST /v1/invoices/create_preview", {"subscription": "$subscription"}),
    ("POST /v1/test_helpers/test_clocks/$clock/advance", {"frozen_time": HOUR + 60}),
    ("GET /v1/accounts/$account/capabilities/transfers", {}),
    ("POST /v1/subscription_schedules/$schedule/release", {}),
    ("POST /v1/payment_intents/$intent/confirm", {"payment_method": "pm_card_visa"}),
    ("POST /v1/payment_intents/$intent_left/cancel", {}),
    ("POST /v1/setup_intents/$setup_left/cancel", {}),
    ("POST /v1/setup_intents/$setup/confirm", {"payment_method": "pm_card_visa"}),
    ("POST /v1/invoices/$invoice/finalize", {"auto_advance": False}),
    ("POST /v1/invoices/$invoice/send", {}),
    ("POST /v1/invoices/$invoice/mark_uncollectible", {}),
    ("POST /v1/invoices/$invoice/void", {}),
    ("POST /v1/subscription_schedules/$later/cancel", {}),
    ("POST /v1/payment_methods/$method/detach", {}),
    ("POST /v1/disputes/$dispute/close", {}),
    ("POST /v1/payouts/$payout/cancel", {}),
    ("POST /v1/checkout/sessions/$session/expire", {}),
    ("POST /v1/billing/meters/$meter/deactivate", {}),
    ("POST /v1/invoices/$empty/pay", {}),
    ("DELETE /v1/invoices/$draft", {}),
    ("DELETE /v1/invoiceitems/$waiting", {}),
    ("DELETE /v1/products/$spare", {}),
    ("DELETE /v1/accounts/$express", {}),
    ("DELETE /v1/subscriptions/$subscription", {}),
]

FOUND: list[tuple[str, str, Any]] = [
    ("charge", "GET /v1/charges", {"payment_intent": "$charged"}),
    ("dispute", "GET /v1/disputes", {"payment_intent": "$charged"}),
    ("invoice_payment", "GET /v1/invoice_payments", {"limit": 1}),
    ("moved", "GET /v1/balance_transactions", {"limit": 1}),
    ("event", "GET /v1/events", {"limit": 1}),
    ("thin", "GET /v2/core/events", {"limit": 1}),
    ("warning", "GET /v1/radar/early_fraud_warnings", {"limit": 1}),
]

CHANGED: dict[str, Any] = {
    "/v1/products/$product": {"name": "z"},
    "/v1/billing/meters/$meter": {"display_name": "z"},
    "/v1/webhook_endpoints/$endpoint": {"disabled": True},
    "/v2/core/event_destinations/$destination": {"name": "z"},
}
NAMES = {
    "capability": "transfers",
    "tax_rate": "txr_sandbox_cn_inclusive",
    "subscription_exposed_id": "$second",
    "invoiceitem": "$waiting",
    "test_clock": "$clock",
    "webhook_endpoint": "$endpoint",
    "payment_method": "$method",
    "invoice": "$draft",
}
"""What stands for a name in a path, where it is not what was made under that name."""

BY_PATH = {
    "/v1/products": "product",
    "/v1/billing/meters": "meter",
    "/v1/events": "event",
    "/v1/balance_transactions": "moved",
    "/v1/transfers": "transfer",
    "/v2/core/events": "thin",
    "/v2/core/event_destinations": "destination",
    "/v1/customers": "tax_id",
    "/v1/setup_intents": "setup",
    "/v1/payment_intents": "intent",
}
"""What a bare ``{id}`` or ``{intent}`` means."""

PRIVATE = "/v1/payment_pages/"


def _filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\$(\w+)", lambda found: ids[found.group(1)], value)
    if isinstance(value, dict):
        return {key: _filled(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, ids) for item in value]
    return value


def _template(pattern: str) -> str:
    """A route's path with the names of what was made in it."""

    def name(found: re.Match[str]) -> str:
        word = found.group(1)
        if word in ("id", "intent"):
            base = pattern[: found.start()].rstrip("/")
            return "$" + next(made for path, made in BY_PATH.items() if base.startswith(path))
        return NAMES.get(word, f"${word}")

    return re.sub(r"\(\?P<(\w+)>\[\^/\]\+\)", name, pattern)


def _operation(call: str) -> str:
    """What a call is counted as."""
    verb, path = call.split(" ")
    return f"{verb} {operation(verb, path).path.pattern}"


async def _call(client: stripe.StripeClient, call: str, params: Any) -> Any:
    verb, path = call.split(" ")
    # The SDK's own way to send, with every check on it, and no method of its own for each operation.
    return await client.v1.customers._request_async(
        verb.lower(), path, base_address="api", params=params, options=None
    )


async def test_every_operation_is_called_and_checked(
    client: stripe.StripeClient, sandbox: Sandbox, calls: Counter[str]
) -> None:
    ids: dict[str, str] = {}
    for name, call, params in MADE:
        made = await _call(client, _filled(call, ids), _filled(params, ids))
        if name:
            ids[name] = made["id"]
        if name == "account":
            await onboard(client, made["id"])
    charge = (await _call(client, "GET /v1/charges", {"payment_intent": ids["charged"]}))["data"][0]["id"]
    sandbox.control("fraud_warnings", {"charge": charge})
    for name, call, params in FOUND:
        ids[name] = (await _call(client, call, _filled(params, ids)))["data"][0]["id"]
    said = {
        _operation(_filled(call, ids)) for call in [*(call for _name, call, _params in MADE), *dict(DONE)]
    }
    templates = [
        f"{one.method} {_template(one.pattern.pattern)}"
        for one in ROUTES
        if not one.pattern.pattern.startswith(PRIVATE)
    ]
    plain = [
        (call, CHANGED.get(call.removeprefix("POST ")))
        for call in templates
        if _operation(_filled(call, ids)) not in said
    ]
    reads = [one for one in plain if not one[0].startswith("DELETE")]
    # What belongs to something goes before it, and a customer last of all.
    ends = [one for one in plain if one[0].startswith("DELETE")]
    ends.sort(key=lambda one: (-one[0].count("/"), one[0].startswith("DELETE /v1/customers")))
    for call, params in [*sorted(reads, key=lambda one: one[0]), *DONE, *ends]:
        await _call(client, _filled(call, ids), _filled(params, ids))
    assert {_operation(_filled(call, ids)) for call in templates} - set(calls) == set()


def test_every_operation_reads_what_the_sdk_sends_there() -> None:
    """The sandbox decodes each request by the very type that the SDK's own method takes."""
    assert server.create_app is not None  # importing it registers the routes
    for one in ROUTES:
        if one.pattern.pattern.startswith(PRIVATE):
            continue
        path = re.sub(r"\(\?P<\w+>\[\^/\]\+\)", "x_1", one.pattern.pattern)
        params = operation(one.method, path).params
        assert params is None or params == f"stripe.params.{one.params}", f"{one.method} {path}"
