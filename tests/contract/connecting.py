"""Accounts of creators at the sandbox, made and onboarded."""

import httpx
import stripe

from tests.contract.selling import post


async def make_account(client: stripe.StripeClient) -> stripe.Account:
    return await client.v1.accounts.create_async(
        {
            "country": "US",
            "email": "creator@example.com",
            "capabilities": {"transfers": {"requested": True}},
            "controller": {
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "requirement_collection": "stripe",
                "stripe_dashboard": {"type": "express"},
            },
            "metadata": {"creator": "1"},
        }
    )


async def onboard(client: stripe.StripeClient, account: str) -> httpx.Response:
    link = await client.v1.account_links.create_async(
        {
            "account": account,
            "type": "account_onboarding",
            "return_url": "http://127.0.0.1/back",
            "refresh_url": "http://127.0.0.1/again",
        }
    )
    async with httpx.AsyncClient() as http:
        assert (await http.get(link.url)).status_code == 200
    done = await post(link.url, submit="1")
    again = await post(link.url, submit="1")
    assert again.headers["location"] == "http://127.0.0.1/again"
    return done
