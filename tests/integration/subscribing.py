"""Subscriptions that run: read, paid with another card, and ended."""

from typing import Any

from tests.integration.selling import Shop
from tests.integration.serving import SignedIn


async def leave(shop: Shop) -> None:
    """Ends what runs, so that it sends nothing into the next test."""
    running = "SELECT stripe_subscription_id FROM subscription WHERE ended_at IS NULL"
    async with shop.sandbox.client() as client:
        for row in await shop.rows(running):
            await client.v1.subscriptions.cancel_async(row.stripe_subscription_id)
    await shop.events()


async def read(shop: Shop, reader: SignedIn) -> Any:
    return (await shop.call("GET", "/v1/subscriptions", reader))["data"][0]


async def with_card(shop: Shop, reader: SignedIn, plan: Any, card: str) -> Any:
    """A subscription paid with another card."""
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"], card)
    await shop.settle("invoice.paid")
    return await read(shop, reader)


async def another_card(shop: Shop, reader: SignedIn, method: str = "pm_card_visa") -> None:
    """The reader's subscription is paid with another card from now on."""
    [row] = await shop.rows(
        "SELECT stripe_subscription_id FROM subscription WHERE account_id = :a AND ended_at IS NULL",
        a=reader.id,
    )
    async with shop.sandbox.client() as client:
        await client.v1.subscriptions.update_async(
            row.stripe_subscription_id, {"default_payment_method": method}
        )
