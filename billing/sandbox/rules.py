"""What a Stripe account's settings would say: taxes, grace, dunning, delays. Set by a control route."""

from dataclasses import dataclass, fields, replace
from typing import Any

from billing.sandbox.errors import ApiError

OUTCOMES = ("cancel", "unpaid", "past_due")
REFUNDS = ("succeeded", "pending", "failed")


@dataclass(frozen=True)
class Rules:
    """``tax_country`` is where a buyer is taken to be who has said nothing.

    ``draft_seconds`` is how long a renewal's invoice stays a draft, so that late usage still enters it.
    ``retry_days`` are the waits between the tries of a failed renewal, and ``dunning_outcome`` what becomes
    of the subscription after the last. ``delayed_seconds`` is how long a delayed payment takes to be decided.
    ``refunds`` is what becomes of a new refund: a ``pending`` one succeeds after ``delayed_seconds``; a
    ``failed`` one is said to have succeeded first, as a bank does that sends the money back.
    """

    tax_country: str = "US"
    draft_seconds: int = 3600
    retry_days: tuple[int, ...] = (3, 5, 7)
    dunning_outcome: str = "cancel"
    delayed_seconds: int = 60
    refunds: str = "succeeded"

    def changed(self, values: dict[str, Any]) -> "Rules":
        """The rules with the named ones set. Raises ``ApiError`` 400 for an unknown name or a wrong value."""
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ApiError(400, f"No such rule: {name}", param=name)
            if not _fits(name, value):
                raise ApiError(400, f"Not a value for {name}: {value!r}", param=name)
        if "retry_days" in values:
            values = {**values, "retry_days": tuple(values["retry_days"])}
        return replace(self, **values)


def _fits(name: str, value: Any) -> bool:
    if name == "tax_country":
        return isinstance(value, str) and len(value) == 2 and value.isupper()
    if name == "retry_days":
        return isinstance(value, list | tuple) and len(value) <= 8 and all(_days(one) for one in value)
    if name in ("draft_seconds", "delayed_seconds"):
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 30 * 86_400
    return value in (OUTCOMES if name == "dunning_outcome" else REFUNDS)


def _days(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 60
