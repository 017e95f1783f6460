"""Whose time it is: a customer may live by a test clock."""

from billing.sandbox.shape import Body
from billing.sandbox.store import Store


async def local(store: Store, owner: Body | None) -> Store:
    """The store at the time of ``owner`` (a customer, or anything with a ``test_clock``)."""
    clock = (owner or {}).get("test_clock")
    if not clock:
        return store
    found = await store.get(clock, "test_helpers.test_clock", "test_clock")
    return store.at(found["frozen_time"])
