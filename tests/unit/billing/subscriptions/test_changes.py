"""What becomes of a change, by what its subscription was seen to be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from billing.subscriptions.changes import ChangeFact
from billing.subscriptions.changes import seen as seen_as
from billing.subscriptions.projecting import SubscriptionFact

OLD, NEW, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 1, 15, tzinfo=UTC)
CHANGE = ChangeFact(
    id=UUID(int=9),
    subscription_id=UUID(int=8),
    kind="downgrade",
    plan_id=UUID(int=7),
    price_id=NEW,
    status="asking",
    not_before=None,
    effective_at=None,
    stripe_schedule_id=None,
    told_at=None,
)
PRICE_CHANGE = replace(CHANGE, kind="reprice", status="pending", not_before=NOW, told_at=NOW)
SUBSCRIBED = SubscriptionFact(
    **dict.fromkeys(SubscriptionFact.__dataclass_fields__)  # type: ignore[arg-type]  # most of it is not looked at
    | {"status": "active", "cancel_at_period_end": False, "current_period_end": NOW + timedelta(days=1)}
)


def seen(change: ChangeFact, **facts: Any) -> str:
    known: dict[str, Any] = {"ended": False, "price_id": OLD, "waits_for": None, "schedule_id": None}
    return seen_as(change, **(known | facts))


@pytest.mark.parametrize("status", ["asking", "unpaid", "pending", "scheduled"])
def test_a_change_that_is_seen_was_made(status: Any) -> None:
    assert seen(replace(CHANGE, status=status), price_id=NEW) == "applied"
    assert seen(replace(CHANGE, status=status), price_id=NEW, ended=True) == "applied"
    assert seen(replace(CHANGE, status=status), ended=True) == "canceled"


def test_an_upgrade_waits_for_its_payment_and_expires_without_it() -> None:
    asked = replace(CHANGE, kind="upgrade")
    assert seen(asked) == "asking"
    assert seen(asked, waits_for=OTHER) == "asking"
    assert seen(asked, waits_for=NEW) == "unpaid"
    assert seen(replace(asked, status="unpaid"), waits_for=NEW) == "unpaid"
    assert seen(replace(asked, status="unpaid")) == "expired"


@pytest.mark.parametrize(("kind", "then"), [("downgrade", "canceled"), ("reprice", "pending")])
def test_a_change_taken_off_its_schedule_is_off_but_a_price_change_waits_on(kind: Any, then: str) -> None:
    scheduled = replace(CHANGE, kind=kind, status="scheduled", stripe_schedule_id="sub_sched_1")
    assert seen(scheduled, schedule_id="sub_sched_1") == "scheduled"
    assert seen(scheduled) == then


def test_a_price_change_is_due_when_the_next_renewal_is_the_first_after_the_notice() -> None:
    assert PRICE_CHANGE.is_due(SUBSCRIBED)
    later = replace(PRICE_CHANGE, not_before=NOW + timedelta(days=2))
    assert not later.is_due(SUBSCRIBED)


@pytest.mark.parametrize(
    "otherwise", [{"status": "past_due"}, {"status": "canceled"}, {"cancel_at_period_end": True}]
)
def test_what_does_not_renew_is_not_repriced(otherwise: dict[str, Any]) -> None:
    assert not PRICE_CHANGE.is_due(replace(SUBSCRIBED, **otherwise))


def test_nobody_pays_more_before_being_told() -> None:
    assert not replace(PRICE_CHANGE, told_at=None).is_due(SUBSCRIBED)
    assert not replace(PRICE_CHANGE, status="scheduled").is_due(SUBSCRIBED)
