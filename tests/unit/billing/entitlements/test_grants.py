"""What a subscription or a pass grants, and until when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.entitlements.grants import Period, subscribed_period

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 15, tzinfo=UTC)
GRACE = timedelta(days=7)


def granted(status: str, **known: Any) -> Period | None:
    facts: dict[str, Any] = {
        "started_at": BEGIN,
        "current_period_end": END,
        "cancel_at_period_end": False,
        "past_due_since": None,
        "ended_at": None,
        "grace": GRACE,
        "now": NOW,
    }
    return subscribed_period(status=status, **(facts | known))


@pytest.mark.parametrize("status", ["active", "trialing"])
def test_a_running_subscription_grants_its_period_and_grace_for_a_late_renewal(status: str) -> None:
    assert granted(status) == Period(BEGIN, END + GRACE)


def test_one_that_is_to_end_grants_not_a_moment_longer() -> None:
    assert granted("active", cancel_at_period_end=True) == Period(BEGIN, END)


def test_grace_counts_from_the_first_failed_payment() -> None:
    assert granted("past_due", past_due_since=NOW) == Period(BEGIN, NOW + GRACE)


@pytest.mark.parametrize("status", ["unpaid", "canceled", "incomplete_expired", "paused"])
def test_what_has_ended_is_revoked(status: str) -> None:
    assert granted(status, ended_at=NOW) == Period(BEGIN, NOW, NOW)


@pytest.mark.parametrize("status", ["incomplete", "something_new"])
def test_what_has_not_begun_grants_nothing(status: str) -> None:
    assert granted(status) is None
