"""The sandbox's clock is moved, and ours with it."""

import sqlalchemy as sa

from tests.integration.selling import Shop

DAY = 86_400


async def keep_time(shop: Shop) -> None:
    """Sets our clock to the sandbox's."""
    ahead = shop.sandbox.control("health", method="GET")["now"]
    async with shop.context.database.transaction() as session:
        await session.execute(
            sa.text("UPDATE clock_offset SET ahead = to_timestamp(:now) - now()"), {"now": ahead}
        )


async def advance(shop: Shop, days: int, *awaited: str) -> None:
    shop.sandbox.control("advance", {"seconds": days * DAY})
    await keep_time(shop)
    await shop.settle(*awaited)
