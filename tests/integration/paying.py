"""Creators who can be paid: what tests of payouts have in common."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from service.platform.database import zhihao_now
from service.platform.ids import new_id
from service.usecases.balance_sale import balance_sale
from service.usecases.pay_creators import pay_creators
from tests.integration.selling import Shop
from tests.integration.serving import SignedIn


async def onboard(shop: Shop, who: SignedIn | None = None) -> str:
    """Has the creator tell the sandbox who they are; returns their account there."""
    creator = who or shop.creator
    body = {"return_url": "https://example.com/back"}
    opened = await shop.call("POST", "/creator/v1/payout-account", creator, body, 201)
    async with httpx.AsyncClient() as http:
        answer = await http.post(opened["onboarding_url"])
    assert answer.status_code == 303, answer.text
    await shop.settle("account.updated", "capability.updated")
    [row] = await shop.rows(
        "SELECT stripe_account_id, status FROM payout_account WHERE account_id = :id", id=creator.id
    )
    assert row.status == "enabled"
    return str(row.stripe_account_id)


async def wait_days(shop: Shop, days: float) -> None:
    """Sets the service's own clock so far ahead, from the machine's."""
    async with shop.context.database.transaction() as session:
        await session.execute(
            sa.text("UPDATE clock_offset SET ahead = :ahead"), {"ahead": timedelta(days=days)}
        )


async def netting_day(shop: Shop) -> None:
    """Sets the clock to the tenth of the month after next, when what was earned until now is ripe."""
    async with shop.context.database.transaction() as session:
        await session.execute(
            sa.text(
                "UPDATE clock_offset SET ahead ="
                " date_trunc('month', now()) + interval '2 months 9 days 1 hour' - now()"
            )
        )


async def earn_loose(shop: Shop, creator_id: str, amount: int, currency: str = "cny") -> None:
    """A share that is of no one charge, as of metered answers."""
    entries = [
        Entry(Account("platform_revenue", currency), amount),
        Entry(Account("creator_earned", currency, UUID(creator_id)), -amount),
    ]
    async with shop.context.database.transaction() as session:
        id = new_id()
        source = Source("pool", str(id), "shares")
        now = await zhihao_now(session)
        await post(session, id=id, source=source, entries=entries, effective_at=now)


async def long_ago(shop: Shop, hours: float = 1) -> None:
    """What was asked for last is so old that its outcome is looked for."""
    async with shop.context.database.transaction() as session:
        for table in ("payout", "payout_reversal"):
            await session.execute(
                sa.text(f"UPDATE {table} SET begun_at = begun_at - :by WHERE status = 'sending'"),
                {"by": timedelta(hours=hours)},
            )


async def pay(shop: Shop) -> None:
    await pay_creators(shop.context)


async def balance(shop: Shop) -> None:
    """Does the jobs that compare a sale's transfers with what is owed for it."""
    waiting = await shop.rows(
        "UPDATE procrastinate_jobs SET status = 'succeeded' WHERE task_name = 'balance_sale'"
        " AND status = 'todo' RETURNING args"
    )
    for row in waiting:
        await balance_sale(shop.context, **row.args)


async def transfers(shop: Shop, destination: str) -> list[Any]:
    """What the sandbox has transferred to the account, oldest first."""
    async with shop.sandbox.client() as client:
        listed = await client.v1.transfers.list_async({"destination": destination, "limit": 100})
    return list(listed.data)[::-1]


async def refund(shop: Shop, charge: str, amount: int | None = None) -> None:
    """Gives money back at Stripe's dashboard, and has it posted and balanced."""
    async with shop.sandbox.client() as client:
        given: Any = {"charge": charge} if amount is None else {"charge": charge, "amount": amount}
        await client.v1.refunds.create_async(given)
    await shop.settle("charge.refunded")
    await balance(shop)


async def books_agree(shop: Shop) -> None:
    """The ledger's account of the processor is the sum of the processor's own lines since the shop opened."""
    async with shop.sandbox.client() as client:
        ours = {row.source_id for row in await shop.rows("SELECT source_id FROM ledger_transaction")}
        lines = []
        async for line in (
            await client.v1.balance_transactions.list_async({"limit": 100})
        ).auto_paging_iter():
            if line.source in ours:
                lines.append(line.net)
    [held] = await shop.rows("SELECT sum(balance) AS held FROM ledger_account WHERE kind = 'stripe_balance'")
    assert held.held == sum(lines)
