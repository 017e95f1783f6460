"""Months and years go by: every renewal is charged, granted and posted once, on the calendar's own day."""

from calendar import monthrange
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from service.platform.database import Database
from service.usecases.check_invariants import check_invariants
from tests.contract.sandbox_process import Sandbox
from tests.integration.clocks import keep_time
from tests.integration.selling import Shop, shop_open
from tests.integration.serving import SignedIn
from tests.integration.subscribing import another_card

SALES = "SELECT period_start, period_end, amount FROM sale WHERE account_id = :a ORDER BY period_start, id"
GRANT = (
    "SELECT ends_at, revoked_at, current_period_end, zhihao_now() AS now FROM access_grant"
    " JOIN subscription ON subscription.id = source_id WHERE access_grant.account_id = :a"
)
YEARLY = {"interval": "year", "price": {"amount": 9900, "currency": "cny"}}
EVENING = timedelta(hours=3)
"""After the hour in which a renewal's invoice is a draft."""


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        yield opened


def months_after(anchor: datetime, months: int) -> datetime:
    """The anchor's day of a later month, or that month's last."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1]))


async def until(shop: Shop, moment: datetime, *awaited: str) -> None:
    """Moves both clocks, and has what came of it settled."""
    now = shop.sandbox.control("health", method="GET")["now"]
    shop.sandbox.control("advance", {"seconds": int(moment.timestamp()) - now})
    await keep_time(shop)
    await shop.settle(*awaited)


async def paid_periods(shop: Shop, reader: SignedIn) -> list[tuple[datetime, datetime, int]]:
    return [(row.period_start, row.period_end, row.amount) for row in await shop.rows(SALES, a=reader.id)]


async def is_open(shop: Shop, reader: SignedIn) -> bool:
    """Whether the reader's subscription grants access now."""
    [grant] = await shop.rows(GRANT, a=reader.id)
    return grant.revoked_at is None and grant.ends_at > grant.now


async def can_be_paid(shop: Shop) -> None:
    """The creator opens an account to be paid on: sales would stop before long without one."""
    body = {"return_url": "http://127.0.0.1/back"}
    opened = await shop.call("POST", "/creator/v1/payout-account", shop.creator, body, 201)
    async with httpx.AsyncClient() as http:
        await http.post(opened["onboarding_url"])
    await shop.settle("account.updated")


async def sound(shop: Shop) -> None:
    """The doctor finds nothing, but what a worker would have done, which there is none of here."""
    found = {finding.name: finding.faults for finding in await check_invariants(shop.context)}
    workers = ("work.", "outgoing.")
    assert {name: faults for name, faults in found.items() if faults and not name.startswith(workers)} == {}


async def test_fourteen_months_from_the_31st_and_years_from_the_29th_of_february(shop: Shop) -> None:
    now = datetime.fromtimestamp(shop.sandbox.control("health", method="GET")["now"], UTC)
    leap = next(year for year in range(now.year + 2, now.year + 10) if monthrange(year, 2)[1] == 29)
    first = datetime(leap - 1, 1, 31, 12, tzinfo=UTC)
    await until(shop, first)
    await can_be_paid(shop)
    monthly = await shop.reader("monthly")
    await shop.subscribe(monthly, await shop.plan())
    [begun] = await paid_periods(shop, monthly)
    anchor = begun[0]
    assert anchor.day == 31

    for month in (1, 2, 5):
        await until(shop, months_after(anchor, month) + EVENING, "invoice.paid")
        assert await is_open(shop, monthly)
        assert [balance["earned"] for balance in await shop.earned()] == [792 * (month + 1)]

    # The card fails, is replaced within the grace, and the next try is paid: the days stay the same.
    await another_card(shop, monthly, "pm_card_chargeCustomerFail")
    failed = months_after(anchor, 6) + EVENING
    await until(shop, failed, "invoice.payment_failed")
    [late] = (await shop.call("GET", "/v1/subscriptions", monthly))["data"]
    assert late["status"] == "past_due"
    assert await is_open(shop, monthly)
    await another_card(shop, monthly)
    await until(shop, failed + timedelta(days=4), "invoice.paid")
    [again] = (await shop.call("GET", "/v1/subscriptions", monthly))["data"]
    assert (again["status"], again["grace_until"]) == ("active", None)

    await until(shop, months_after(anchor, 12) + EVENING, "invoice.paid")
    await until(shop, datetime(leap, 2, 29, 14, tzinfo=UTC) + EVENING, "invoice.paid")
    yearly = await shop.reader("yearly")
    await shop.subscribe(yearly, await shop.plan(**YEARLY))
    await until(shop, months_after(anchor, 14) + EVENING, "invoice.paid")
    expected = [(months_after(anchor, month), months_after(anchor, month + 1), 990) for month in range(15)]
    assert await paid_periods(shop, monthly) == expected
    assert {start.day for start, _, _ in expected} == {28, 29, 30, 31}
    await shop.call("DELETE", f"/v1/subscriptions/{again['id']}", monthly, expect=204)
    assert not await is_open(shop, monthly)

    [(since, _, _)] = await paid_periods(shop, yearly)
    assert (since.month, since.day) == (2, 29)
    for year in (1, 4):
        await until(shop, months_after(since, 12 * year) + EVENING, "invoice.paid")
        assert await is_open(shop, yearly)
    assert await paid_periods(shop, yearly) == [
        (months_after(since, 12 * year), months_after(since, 12 * (year + 1)), 9900) for year in range(5)
    ]
    [balance] = await shop.earned()
    assert (balance["earned"], balance["refunded"]) == (15 * 792 + 5 * 7920, 0)
    charged = await shop.rows(
        "SELECT sum(settled_amount - fee) AS net, (SELECT balance FROM ledger_account"
        " WHERE kind = 'stripe_balance') AS held FROM sale"
    )
    assert charged[0].net == charged[0].held
    await sound(shop)
