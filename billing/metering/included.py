"""An included unit came back after calls were billed: the newest of them gets it, as if it had waited.

The processor bills a month's units above the included ones, whichever they were. So what our events come to
is the same sum only while no included unit is left and a call was billed.
"""

from datetime import date
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from billing.metering.counters import Delta, Deltas, move
from billing.metering.planning import by_index
from billing.metering.reservations import lock

_NEWEST = """
SELECT call_id FROM usage_event
WHERE organization_id = %s AND month = %s AND meter = %s AND NOT included
ORDER BY at DESC, call_id DESC LIMIT 1
"""

_FREE = """
WITH event AS (
  UPDATE usage_event SET amount = on_top, included = true
  WHERE call_id = %(call)s AND meter = %(meter)s AND month = %(month)s
), share AS (
  UPDATE usage_share SET amount = on_top, accrued = on_top_accrued, withheld = on_top_withheld
  WHERE call_id = %(call)s AND month = %(month)s
)
UPDATE reservation SET included = true, amount = amount - unit_price WHERE id = %(call)s
"""


async def give_to_newest(
    connection: AsyncConnection[Any], *, organization_id: UUID, meter: str, month: date
) -> bool:
    """Makes the month's newest billed call of the meter free, if an included unit is left; whether it did."""
    await by_index(connection)
    cursor = await connection.execute(_NEWEST, (organization_id, month, meter))
    newest = await cursor.fetchone()
    if newest is None:
        return False
    reservations, counters = await lock(connection, [newest[0]])
    call = reservations[newest[0]]
    left = counters[month, organization_id].included(meter) < call.included_limit
    if call.included or not left or call.key_id is None:
        return False
    deltas: Deltas = {
        (month, subject): Delta(organization_id, spent=-call.unit_price)
        for subject in (call.key_id, organization_id)
    }
    deltas[month, organization_id].include(meter, 1)
    await move(connection, deltas)
    await connection.execute(_FREE, {"call": call.id, "meter": meter, "month": month})
    return True
