"""Only what Stripe signed a short while ago is an event; all else is one error, whatever it looks like."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from billing.processor.inbox import StoredEvent
from billing.processor.stripe_events import Endpoint, InvalidEvent, require_young, verified
from billing.processor.stripe_tasks import Task, task_of

SECRET, OLD_SECRET = "whsec_new", "whsec_old"

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "customer.subscription.updated",
    "created": 1_790_000_000,
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1"}},
}
THIN: dict[str, Any] = {
    "id": "evt_2",
    "object": "v2.core.event",
    "type": "v1.billing.meter.no_meter_found",
    "created": "2026-09-21T14:13:20.000Z",
    "livemode": False,
    "context": None,
    "related_object": None,
}


def signed(body: str, secret: str = SECRET, age: int = 0) -> str:
    header: str = WebhookSignature.generate_signature_header(body, secret, int(time.time()) - age)
    return header


def accept(event: dict[str, Any], endpoint: Endpoint = "snapshot", **how: Any) -> Any:
    body = json.dumps(event)
    return verified(body.encode(), signed(body, **how), (SECRET, OLD_SECRET), endpoint=endpoint)


def test_a_signed_event_is_read() -> None:
    event = accept(EVENT)
    assert (event.id, event.object_id, event.lane) == ("evt_1", "sub_1", "cus_1")
    assert event.api_version == "2026-10-28.endive"
    assert event.created_at.isoformat() == "2026-09-21T14:13:20+00:00"
    assert json.loads(event.raw) == EVENT


def test_either_secret_signs_during_a_rotation() -> None:
    assert accept(EVENT, secret=OLD_SECRET).id == "evt_1"
    with pytest.raises(InvalidEvent):
        accept(EVENT, secret="whsec_other")


def test_a_thin_event_is_read_at_its_own_endpoint() -> None:
    event = accept(THIN, "thin")
    assert (event.id, event.object_id, event.lane) == ("evt_2", "evt_2", "evt_2")
    for wrong, endpoint in ((THIN, "snapshot"), (EVENT, "thin")):
        with pytest.raises(InvalidEvent):
            accept(wrong, endpoint)  # type: ignore[arg-type]  # a pair of a tuple


def test_an_old_signature_is_refused_and_a_young_one_not_by_the_clock_that_is_named() -> None:
    now = datetime.now(UTC)
    require_young(signed("{}", age=250), now=now)
    require_young(signed("{}", age=-3600), now=now)
    with pytest.raises(InvalidEvent):
        require_young(signed("{}", age=301), now=now)
    require_young(signed("{}", age=3600), now=now - timedelta(hours=1))
    assert accept(EVENT, age=3600).id == "evt_1"


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "v1=abc",
        "t=,v1=",
        "t=1,v1=\u00e9",
        "t=\u0661,v1=0",
        "t=99999999999999999999999,v1=00",
        "t=" + "9" * 5000 + ",v1=00",
        "t=1",
        ",,,,",
        "=",
        "t=1=2,v1=3=4",
        "\ud800",
    ],
)
def test_odd_signatures_are_refused(signature: str | None) -> None:
    with pytest.raises(InvalidEvent):
        verified(json.dumps(EVENT).encode(), signature, (SECRET,), endpoint="snapshot")


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "1", "{", '"event"', "[" * 5000, json.dumps({**EVENT, "object": "charge"})],
)
def test_odd_bodies_are_refused_even_when_signed(body: str) -> None:
    with pytest.raises(InvalidEvent):
        verified(body.encode(), signed(body), (SECRET,), endpoint="snapshot")


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": ""},
        {"id": 5},
        {"id": "evt_\u0000"},
        {"id": "x" * 5000},
        {"id": "\ud800"},
        {"type": None},
        {"type": ["a"]},
        {"created": None},
        {"created": True},
        {"created": 10**30},
        {"created": "yesterday"},
        {"account": 7},
    ],
)
def test_events_of_another_shape_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        accept({**EVENT, **change})


@pytest.mark.parametrize("data", [None, [], 5, {"object": None}, {"object": [1]}, {"object": {"id": 5}}])
def test_an_event_about_nothing_we_know_is_kept_or_refused_but_never_breaks(data: Any) -> None:
    try:
        event = accept({**EVENT, "data": data})
    except InvalidEvent:
        return
    assert event.lane == "evt_1"


def test_a_body_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidEvent):
        verified(b"\xff\xfe{}", signed("{}"), (SECRET,), endpoint="snapshot")


@given(st.binary(max_size=300), st.text(max_size=100))
def test_nothing_made_up_passes(raw: bytes, signature: str) -> None:
    with pytest.raises(InvalidEvent):
        verified(raw, signature, (SECRET,), endpoint="snapshot")


@given(st.data())
def test_one_changed_byte_is_a_forgery(data: st.DataObject) -> None:
    body = json.dumps(EVENT)
    raw = bytearray(body.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidEvent):
        verified(bytes(raw), signed(body), (SECRET,), endpoint="snapshot")


def test_a_deauthorized_account_is_its_own_lane() -> None:
    event = {
        **EVENT,
        "type": "account.application.deauthorized",
        "account": "acct_1",
        "data": {"object": {"id": "ca_1", "object": "application"}},
    }
    assert accept(event).lane == "acct_1"


@pytest.mark.parametrize(
    ("type", "subject", "task"),
    [
        ("customer.subscription.created", {"id": "sub_1"}, Task("subscription", "sub_1")),
        ("customer.subscription.pending_update_applied", {"id": "sub_1"}, Task("subscription", "sub_1")),
        ("invoice.paid", {"id": "in_1"}, Task("invoice", "in_1")),
        (
            "invoice.payment_failed",
            {"id": "in_1", "parent": {"subscription_details": {"subscription": "sub_1"}}},
            Task("subscription", "sub_1"),
        ),
        ("invoice.voided", {"id": "in_1", "parent": None}, Task("invoice", "in_1")),
        ("invoice.created", {"id": "in_1", "parent": None}, None),
        (
            "invoice.created",
            {"id": "in_1", "parent": {"subscription_details": {"metadata": {"kind": "contract"}}}},
            Task("invoice", "in_1"),
        ),
        ("v1.billing.meter.error_report_triggered", {}, Task("meter_problem", "evt_1")),
        ("invoice_payment.paid", {"id": "inpay_1", "invoice": "in_1"}, Task("invoice", "in_1")),
        ("checkout.session.completed", {"id": "cs_1"}, Task("checkout", "cs_1")),
        ("payment_intent.succeeded", {"id": "pi_1"}, Task("payment", "pi_1")),
        ("payment_intent.created", {"id": "pi_1"}, None),
        ("charge.refunded", {"id": "ch_1"}, Task("refunds", "ch_1")),
        ("refund.updated", {"id": "re_1", "charge": "ch_1"}, Task("refunds", "ch_1")),
        ("refund.failed", {"id": "re_1", "charge": "ch_1"}, Task("refunds", "ch_1")),
        ("charge.dispute.created", {"id": "du_1", "charge": "ch_1"}, Task("dispute", "du_1")),
        ("charge.dispute.funds_reinstated", {"id": "du_1"}, Task("dispute", "du_1")),
        ("radar.early_fraud_warning.created", {"id": "issfr_1"}, Task("fraud_warning", "issfr_1")),
        ("account.updated", {"id": "acct_1"}, Task("account", "acct_1")),
        ("capability.updated", {"id": "transfers", "account": "acct_1"}, Task("account", "acct_1")),
        ("account.application.deauthorized", {"id": "ca_1"}, Task("disconnected", "acct_9")),
        ("price.updated", {"id": "price_1"}, None),
        ("anything.at.all", {}, None),
        ("nodots", {}, None),
    ],
)
def test_each_type_asks_to_look_at_one_object(type: str, subject: dict[str, Any], task: Task | None) -> None:
    raw = json.dumps({**EVENT, "type": type, "data": {"object": subject}}).encode()
    assert task_of(StoredEvent("evt_1", type, "acct_9", 0, raw)) == task
