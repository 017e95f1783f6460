"""How a subscription schedule ends: completed, released, or canceled with its subscription."""

from copy import deepcopy
from typing import Any

from billing.sandbox.shape import Body
from billing.sandbox.store import Store

OPEN = ("not_started", "active")


async def finish(store: Store, schedule: Body, status: str, **marks: Any) -> Body:
    """Puts the schedule in a state it does not leave, and says so."""
    before = deepcopy(schedule)
    kept = None if status == "released" else schedule["subscription"]
    schedule.update(status=status, current_phase=None, subscription=kept, _due=None, **marks)
    return await store.changed(before, schedule, f"subscription_schedule.{status}")


async def abandon(store: Store, schedule_id: str | None) -> None:
    """Ends the schedule of a subscription that ended by itself."""
    schedule = await store.find(schedule_id or "", "subscription_schedule")
    if schedule is not None and schedule["status"] in OPEN:
        await finish(store, schedule, "canceled", canceled_at=store.now)
