"""What creators and operators see of payouts: the account, statements, prices, payments by hand."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.operator_api.router import router as operator_api
from service.platform.database import Database
from tests.contract.sandbox_process import Sandbox
from tests.integration.paying import earn_loose, netting_day, onboard, pay, wait_days
from tests.integration.selling import Shop, shop_open
from tests.integration.serving import register, serving


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        yield opened


async def test_the_account_says_how_payouts_are_made_before_anything_is_sold(shop: Shop) -> None:
    path = "/creator/v1/payout-account"
    none = await shop.call("GET", path, shop.creator)
    assert (none["status"], none["method"], none["sales_open"]) == ("none", None, True)
    abroad = await shop.call("PUT", path, shop.creator, {"country": "cn"})
    assert (abroad["country"], abroad["method"], abroad["details_given"]) == ("CN", "manual", False)
    refused = await shop.call("POST", path, shop.creator, {"return_url": "https://example.com"}, 409)
    assert refused["code"] == "payouts_manual"
    assert (await shop.call("PUT", path, shop.creator, {"country": "XX1"}, 400))["errors"]
    home = await shop.call("PUT", path, shop.creator, {"country": "US"})
    assert (home["method"], home["payouts_enabled"]) == ("transfer", False)
    await onboard(shop)
    done = await shop.call("GET", path, shop.creator)
    assert (done["status"], done["country"], done["requirements"]) == ("enabled", "US", [])
    assert (await shop.call("PUT", path, shop.creator, {"country": "DE"}, 409))["code"] == "country_fixed"


async def test_a_used_onboarding_link_leads_to_a_new_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"return_url": "https://example.com/back"}
    kept: list[str] = []
    create = shop.context.payments.create_account_link

    async def heard(*args: Any, **named: Any) -> str:
        kept.append(named["refresh_url"])
        return await create(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(shop.context.payments, "create_account_link", heard)
        await shop.call("POST", "/creator/v1/payout-account", shop.creator, body, 201)
    [link] = kept
    answer = await shop.client.get(link)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(shop.sandbox.url)
    assert (await shop.client.get(link[:-3] + "xyz")).status_code == 404


async def test_an_operator_pays_by_hand_what_no_transfer_reaches(shop: Shop) -> None:
    details = "=Bank of Somewhere 123"
    body = {"country": "CN", "details": details}
    await shop.call("PUT", "/creator/v1/payout-account", shop.creator, body)
    await shop.subscribe(await shop.reader(), await shop.plan())
    await earn_loose(shop, shop.creator.id, 20_000)
    await wait_days(shop, 0)
    await netting_day(shop)
    await pay(shop)
    await pay(shop)
    async with serving(shop.context, (operator_api,)) as door:
        # A client of its own has the same accounts.
        operator = await register(shop.client, "operator")
        answer = await door.post("/operator/v1/payout-batches", headers=operator.headers)
        assert answer.status_code == 201, answer.text
        batch = answer.json()
        assert batch["payouts"] == 1
        path = f"/operator/v1/payout-batches/{batch['id']}"
        sheet = await door.get(path, headers=operator.headers | {"accept": "text/csv"})
        [row] = csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig")))
        assert (row["amount"], row["currency"], row["details"]) == ("20598", "cny", f"'{details}")
        assert (row["shown"], row["email"]) == ("205.98 CNY", shop.creator.email)
        answer = await door.post(f"{path}/paid", json={"reference": "wire 7"}, headers=operator.headers)
        assert answer.status_code == 200, answer.text
        again = await door.post(f"{path}/paid", json={"reference": "wire 8"}, headers=operator.headers)
        assert again.json()["code"] == "batch_paid"
        none = await door.post("/operator/v1/payout-batches", headers=operator.headers)
        assert none.json()["code"] == "nothing_to_pay"
    [payout] = (await shop.call("GET", "/creator/v1/payouts", shop.creator))["data"]
    assert (payout["status"], payout["method"], payout["reference"]) == ("paid", "manual", "wire 7")
    [balance] = await shop.earned()
    assert (balance["paid"], balance["payable"]) == (20_598, 0)
    [bank] = await shop.rows("SELECT balance FROM ledger_account WHERE kind = 'bank'")
    assert bank.balance == -20_598


async def test_a_statement_opens_where_the_last_one_closed(shop: Shop) -> None:
    await shop.subscribe(await shop.reader(), await shop.plan())
    await wait_days(shop, 35)
    await earn_loose(shop, shop.creator.id, 1_000)
    path = "/creator/v1/earnings/statements"
    newest, *older = (await shop.call("GET", path, shop.creator))["data"]
    [now], [before] = newest["balances"], older[0]["balances"]
    assert (now["opening"], now["earned"], now["closing"]) == (598, 1_000, 1_598)
    first = older[-1]["balances"][0]
    assert (first["opening"], first["earned"], first["fees"], first["closing"]) == (0, 792, 194, 598)
    assert before["closing"] == now["opening"]
    month = await shop.call("GET", f"{path}/{newest['month']}", shop.creator)
    assert [line["amount"] for line in month["lines"]] == [1_000]
    sheet = await shop.client.get(
        f"{path}/{older[-1]['month']}?format=csv&tz=Asia/Shanghai", headers=shop.creator.headers
    )
    rows = list(csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert sorted(row["kind"] for row in rows) == ["closing", "earned", "fees", "opening"]
    for wrong, status, code in (
        ("/1999-01", 400, "invalid_input"),
        ("/2001-01", 404, "statement_not_found"),
        ("?tz=Nowhere", 400, "invalid_input"),
    ):
        refused = await shop.call("GET", f"{path}{wrong}", shop.creator, expect=status)
        assert refused["code"] == code


async def test_what_a_price_earns_is_told_before_it_is_chosen(shop: Shop) -> None:
    told = await shop.call("GET", "/creator/v1/pricing/net?amount=990&currency=cny", shop.creator)
    payment, year = told["payment"], told["over_a_year"]
    assert (payment["processor_fee"], payment["earned"], payment["fees"]) == (242, 792, 194)
    assert payment["net"] == 598
    assert year["paid"] == {"amount": 11_880, "currency": "cny"}
    assert (year["monthly_net"], year["gained"]) == (598 * 12, year["yearly_net"] - 598 * 12)
    assert year["gained"] > 1_500
    least = "/creator/v1/pricing/net?amount=1&currency=cny"
    refused = await shop.call("GET", least, shop.creator, expect=400)
    assert refused["code"] == "invalid_amount"
