"""A month of a whole market agrees with arithmetic of its own, with the ledger and with the sandbox."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from service.platform.database import Database
from service.usecases.check_invariants import check_invariants
from tests.contract.sandbox_process import Sandbox
from tests.scale import times
from tests.simulation.market import Market, market_open
from tests.simulation.month import Month


@pytest.fixture
async def market(database: Database, till: Sandbox, tmp_path: Path) -> AsyncIterator[Market]:
    async with market_open(database, till, tmp_path) as opened:
        yield opened


@pytest.mark.soak
async def test_a_month_comes_to_what_people_did(market: Market) -> None:
    month = Month(market, Random(20261121))
    await month.open(creators=times(5, 50), companies=times(3, 20))
    await month.live(readers=times(50, 2000))
    await _the_creators_agree(month)
    await _the_ledger_agrees(month)
    await _the_sandbox_agrees(month)
    await _the_transfers_agree(month)
    faults = [
        (finding.name, finding.faults) for finding in await check_invariants(market.context) if finding.faults
    ]
    assert faults == []
    wanted = {
        "month",
        "year",
        "pass",
        "tip",
        "renewal",
        "refund",
        "cancel",
        "metered invoice",
        "dispute won",
        "dispute lost",
    }
    assert wanted <= set(month.books.deeds), month.books.deeds


async def _the_creators_agree(month: Month) -> None:
    books = month.books
    for creator in month.creators:
        shown = await month.market.call("GET", "/creator/v1/earnings", creator.who)
        balances = {balance["currency"]: balance for balance in shown["balances"]}
        owned = {currency for name, currency in books.earned if name == creator.name}
        assert set(balances) == owned
        for currency, balance in balances.items():
            key = (creator.name, currency)
            assert (balance["earned"], balance["fees"], balance["refunded"]) == (
                books.earned[key],
                books.fees[key],
                books.refunded[key],
            ), (creator.name, currency, books.deeds)
            assert balance["payable"] == books.payable(creator.name, currency) - balance["paid"]


async def _the_ledger_agrees(month: Month) -> None:
    rows = await month.market.rows(
        "SELECT kind, currency, sum(balance) AS balance FROM ledger_account WHERE owner_id IS NULL"
        " GROUP BY kind, currency"
    )
    found = Counter({(row.kind, row.currency): int(row.balance) for row in rows})
    for currency in month.books.platform:
        assert found["platform_revenue", currency] == -month.books.platform[currency]
        assert found["processor_fees", currency] == month.books.platform_fees[currency]


async def _the_transfers_agree(month: Month) -> None:
    """What creators are shown as paid is what was transferred to them."""
    sent: Counter[tuple[str, str]] = Counter()
    async with month.market.sandbox.client("sk_test_market") as stripe:
        page = await stripe.v1.transfers.list_async({"limit": 100})
        async for line in page.auto_paging_iter():
            sent[str(line.destination), line.currency] += line.amount - line.amount_reversed
    rows = await month.market.rows("SELECT account_id, stripe_account_id FROM payout_account")
    owners = {row.stripe_account_id: str(row.account_id) for row in rows}
    arrived = Counter({(owners[to], currency): amount for (to, currency), amount in sent.items() if amount})
    paid: Counter[tuple[str, str]] = Counter()
    for creator in month.creators:
        shown = await month.market.call("GET", "/creator/v1/earnings", creator.who)
        for balance in shown["balances"]:
            if balance["paid"]:
                paid[creator.who.id, balance["currency"]] = balance["paid"]
    assert paid == arrived
    assert paid


async def _the_sandbox_agrees(month: Month) -> None:
    held: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    async with month.market.sandbox.client("sk_test_market") as stripe:
        page = await stripe.v1.balance_transactions.list_async({"limit": 100})
        async for line in page.auto_paging_iter():
            held[line.currency] += line.net
            if line.type in {"transfer", "transfer_refund", "payout"}:
                moved[line.currency] += line.net
    rows = await month.market.rows(
        "SELECT currency, balance FROM ledger_account WHERE kind = 'stripe_balance' ORDER BY currency"
    )
    for row in rows:
        assert row.balance == held[row.currency]
        assert held[row.currency] - moved[row.currency] == month.books.balance[row.currency]
