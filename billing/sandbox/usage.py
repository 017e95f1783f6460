"""Metered usage: what meter events add up to."""

from decimal import Decimal

from billing.sandbox.shape import Body
from billing.sandbox.store import Store

HOUR = 3600
WINDOWS = {None: None, "hour": HOUR, "day": 24 * HOUR}


async def total(store: Store, meter: Body, customer: str, start: int, end: int) -> Decimal:
    """The meter's aggregate for a customer in ``[start, end)``.

    With an ``event_time_window`` the newest event of each window counts and the others do not: newest by
    its own time, then by arrival.
    """
    window = WINDOWS[meter["event_time_window"]]
    formula = meter["default_aggregation"]["formula"]
    newest = "DISTINCT ON (at / %(window)s)" if window else ""
    order = "at / %(window)s, at DESC, seq DESC" if window else "at, seq"
    aggregate = {
        "sum": "coalesce(sum(value), 0)",
        "count": "count(*)",
        "last": "coalesce((array_agg(value ORDER BY at DESC, seq DESC))[1], 0)",
    }[formula]
    cursor = await store.connection.execute(
        f"SELECT {aggregate} FROM (SELECT {newest} value, at, seq FROM sandbox.meter_event"  # noqa: S608 - fixed words
        " WHERE account = %(account)s AND event_name = %(event)s AND customer = %(customer)s"
        f" AND at >= %(start)s AND at < %(end)s AND NOT canceled ORDER BY {order}) counted",
        {
            "account": store.account,
            "event": meter["event_name"],
            "customer": customer,
            "start": start,
            "end": end,
            "window": window,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return Decimal(row[0])
