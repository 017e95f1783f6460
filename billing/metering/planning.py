"""How the statements of a group are planned: by index, in the order they name, and never anew.

Left to itself the planner joins a group with whole tables while these look small to it, and keeps that plan
as they grow; and it looks up rows in an order of its own, and locks them in it.
"""

from typing import Any

from psycopg import AsyncConnection


async def by_index(connection: AsyncConnection[Any]) -> None:
    """From here to the end of the transaction: rows are found by index, one by one in the order in which the
    statement names them (and locked so), and a prepared plan serves groups of every size."""
    await connection.execute(
        """
        SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_seqscan', 'off', true),
               set_config('enable_bitmapscan', 'off', true),
               set_config('plan_cache_mode', 'force_generic_plan', true)
        """
    )
