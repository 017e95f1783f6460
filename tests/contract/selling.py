"""Steps many contract tests share: a price, a checkout session, a form sent in."""

from typing import Any

import httpx
import stripe

PAYS, DECLINED, FAILS_LATER, ASKS = (
    "4242424242424242",
    "4000000000000002",
    "4000000000000341",
    "4000002760003184",
)


async def make_price(client: stripe.StripeClient, amount: int = 990, **more: Any) -> stripe.Price:
    """A price of a new product, monthly unless ``monthly=False``."""
    product = await client.v1.products.create_async({"name": "知識庫", "metadata": {"kb": "1"}})
    recurring = {"recurring": {"interval": "month"}} if more.pop("monthly", True) else {}
    params: Any = {"product": product.id, "currency": "cny", "unit_amount": amount, **recurring, **more}
    return await client.v1.prices.create_async(params)


async def open_session(client: stripe.StripeClient, **more: Any) -> stripe.checkout.Session:
    """A checkout session that comes back to this machine."""
    params: Any = {
        "success_url": "http://127.0.0.1/ok?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1/no",
        "client_reference_id": "intent",
        "metadata": {"kind": "test"},
        **more,
    }
    return await client.v1.checkout.sessions.create_async(params)


async def post(url: str | None, **form: str) -> httpx.Response:
    """What a browser sends when the form is submitted; redirects are not followed."""
    assert url is not None
    async with httpx.AsyncClient() as http:
        return await http.post(url, data=form)


async def pay(client: stripe.StripeClient, amount: int = 10_000, method: str = "pm_card_visa") -> Any:
    params: Any = {"amount": amount, "currency": "cny", "payment_method": method, "confirm": True}
    return await client.v1.payment_intents.create_async(params | {"expand": ["latest_charge"]})
