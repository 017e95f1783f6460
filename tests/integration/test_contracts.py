"""A contract's life: its terms, its end with the last usage billed, unpaid invoices, what Stripe counted."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from billing.payouts.blocks import blocks
from billing.processor.port import ProcessorUnavailable
from service.access.admission import ContractRequired, PaymentRequired
from service.platform.database import Database
from service.usecases.end_contract import ContractEnding, finish_contract
from service.usecases.reconcile_usage import reconcile_usage
from service.usecases.settle_calls import release_call
from tests.contract.sandbox_process import Sandbox
from tests.integration.clocks import keep_time
from tests.integration.companies import Company, advance_to, buy_contract, found_company, month_end
from tests.integration.selling import FAILS_LATER, Shop, shop_open


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        await keep_time(opened)
        yield opened


async def invoiced(company: Company) -> list[tuple[object, ...]]:
    return await company.rows(
        "SELECT l.meter, l.quantity, l.amount, i.status FROM invoice_line l"
        " JOIN metered_invoice i ON i.id = invoice_id WHERE l.organization_id = :org ORDER BY l.meter"
    )


async def test_a_contract_says_its_terms_and_its_period(shop: Shop) -> None:
    company = await found_company(shop, price_answers=30, included_answers=4)
    contract = await company.get("/contract")
    assert contract["status"] == "active"
    assert contract["open"] is True
    assert contract["meters"][1] == {
        "meter": "answers",
        "unit_price": {"amount": 30, "currency": "cny"},
        "included_units": 4,
    }
    assert contract["current_period_end"] > contract["current_period_start"]
    assert contract["unpaid_since"] is None
    stranger = await shop.reader("stranger")
    await shop.call("GET", f"{company.path}/contract", stranger, expect=404)
    await shop.call("DELETE", f"{company.path}/contract", stranger, expect=404)


async def test_whoever_pays_for_a_contract_looks_after_the_card(shop: Shop) -> None:
    company = await found_company(shop)
    path = f"{company.path}/portal"
    opened = await shop.call("POST", path, company.owner, {"return_url": "http://127.0.0.1/back"}, 201)
    async with httpx.AsyncClient() as http:
        assert (await http.get(opened["url"])).status_code == 200
    await shop.call("POST", path, await shop.reader("passer-by"), expect=404)
    other = await shop.reader("without")
    made = await shop.call("POST", "/enterprise/v1/organizations", other, {"name": "No contract"}, 201)
    refused = await shop.call("POST", f"/enterprise/v1/organizations/{made['id']}/portal", other, expect=402)
    assert refused["code"] == "contract_required"


async def test_ending_a_contract_at_once_bills_its_last_usage(shop: Shop) -> None:
    company = await found_company(shop, price_answers=500)
    await company.call(2)
    await company.report()
    await company.call(1)
    await shop.call("DELETE", f"{company.path}/contract", company.owner, expect=204)
    assert (await company.get("/contract"))["status"] == "canceled"
    with pytest.raises(ContractRequired):
        await company.admitted()
    await shop.settle("invoice.paid", "customer.subscription.deleted")
    assert await invoiced(company) == [("answers", 3, 1500, "paid")]
    await shop.call("DELETE", f"{company.path}/contract", company.owner, expect=402)
    await buy_contract(company)
    await company.call(2)
    await company.report()
    assert (await company.get("/invoice-preview"))["total"]["amount"] == 1000


async def test_calls_that_run_when_a_contract_is_ended_are_billed_with_it(shop: Shop) -> None:
    company = await found_company(shop, price_answers=500)
    running, refused = await company.admitted(), await company.admitted()
    await shop.call("DELETE", f"{company.path}/contract", company.owner, expect=204)
    contract = await company.get("/contract")
    assert (contract["status"], contract["open"]) == ("ending", False)
    with pytest.raises(ContractRequired):
        await company.admitted()
    with pytest.raises(ContractEnding):
        await finish_contract(company.context, organization_id=company.id)
    await company.settled(running)
    await release_call(company.context, refused)
    shop.sandbox.control("faults", {"outage": True})
    with pytest.raises((ContractEnding, ProcessorUnavailable)):
        await finish_contract(company.context, organization_id=company.id)
    shop.sandbox.control("faults", method="DELETE")
    await finish_contract(company.context, organization_id=company.id)
    await finish_contract(company.context, organization_id=company.id)
    await shop.settle("invoice.paid", "customer.subscription.deleted")
    assert await invoiced(company) == [("answers", 1, 500, "paid")]


async def test_a_contract_may_run_out_with_its_month(shop: Shop) -> None:
    company = await found_company(shop, price_answers=500)
    await shop.call("DELETE", f"{company.path}/contract?at_period_end=true", company.owner, expect=204)
    contract = await company.get("/contract")
    assert (contract["cancel_at_period_end"], contract["open"]) == (True, True)
    await company.call(2)
    await company.report()
    await advance_to(company, await month_end(company))
    await shop.settle("customer.subscription.deleted", "invoice.paid")
    with pytest.raises(ContractRequired):
        await company.admitted()
    assert await invoiced(company) == [("answers", 2, 1000, "paid")]


async def test_an_unpaid_invoice_closes_the_contract_after_its_grace_and_opens_it_when_paid(
    shop: Shop,
) -> None:
    shop.sandbox.control("rules", {"dunning_outcome": "unpaid"})
    company = await found_company(shop, price_answers=500, card=FAILS_LATER)
    await company.call(2)
    await company.report()
    end = await month_end(company)
    await advance_to(company, end)
    await shop.settle("invoice.created")
    await advance_to(company, end + timedelta(hours=25))
    await shop.settle("invoice.payment_failed")
    contract = await company.get("/contract")
    assert (contract["status"], contract["open"]) == ("past_due", True)
    await company.call(1)
    await advance_to(company, end + timedelta(days=9))
    with pytest.raises(PaymentRequired):
        await company.admitted()
    assert (await company.get("/contract"))["open"] is False
    [(url,)] = await company.rows(
        "SELECT hosted_url FROM metered_invoice WHERE organization_id = :org AND status = 'open'"
    )
    assert url
    await shop.pay(url)
    await shop.settle("invoice.paid")
    assert (await company.get("/contract"))["unpaid_since"] is None
    await company.call(1)


async def test_payouts_wait_while_stripe_has_not_counted_what_it_was_told(shop: Shop) -> None:
    company = await found_company(shop, price_answers=500, usage_check_margin_seconds=0)
    await company.call(3)
    await company.report()
    await advance_to(company, await company.now() + timedelta(hours=2))
    assert await reconcile_usage(company.context) == 0
    assert await company.rows("SELECT ours, theirs FROM usage_check WHERE organization_id = :org") == [(3, 3)]
    await company.call(2)
    await company.report()
    await advance_to(company, await company.now() + timedelta(hours=2))
    identifier = await company.one(
        "SELECT format('%s:answers:%s:%s', organization_id, to_char(hour AT TIME ZONE 'UTC', :how), revision)"
        " FROM usage_bucket WHERE organization_id = :org ORDER BY hour DESC LIMIT 1",
        how='YYYYMMDD"T"HH24',
    )
    async with shop.sandbox.client("sk_test_shop") as stripe:
        await stripe.v1.billing.meter_event_adjustments.create_async(
            {"event_name": "answers", "type": "cancel", "cancel": {"identifier": identifier}}
        )
    assert await reconcile_usage(company.context) == 1
    async with shop.context.database.reading() as connection:
        [block] = [one for one in await blocks(connection) if one.reason == "usage_mismatch"]
    assert f"{company.id} answers: sent 5, counted 3" in block.detail
    assert await company.report() == 1
    await advance_to(company, await company.now() + timedelta(hours=1))
    assert await reconcile_usage(company.context) == 0
    async with shop.context.database.reading() as connection:
        assert [one for one in await blocks(connection) if one.reason == "usage_mismatch"] == []
