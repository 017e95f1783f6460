"""Usage told to the sandbox: once in effect, whatever is lost, doubled, refused or too old."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from service.platform.database import Database
from service.usecases.check_invariants import check_invariants
from tests.contract.sandbox_process import Sandbox
from tests.integration.clocks import keep_time
from tests.integration.companies import Company, found_company
from tests.integration.selling import shop_open


@pytest.fixture
async def company(database: Database, till: Sandbox) -> AsyncIterator[Company]:
    async with shop_open(database, till) as opened:
        await keep_time(opened)
        yield await found_company(opened)


async def counted(company: Company) -> dict[str, int]:
    return {line["meter"]: line["units"] for line in (await company.get("/invoice-preview"))["lines"]}


async def change(company: Company, statement: str, **values: Any) -> None:
    async with company.context.database.transaction() as session:
        await session.execute(sa.text(statement), values)


async def test_a_total_whose_acknowledgement_was_lost_is_told_again_and_counts_once(company: Company) -> None:
    await company.call(3)
    assert await company.report() == 1
    # As after a crash between the call and the commit.
    await change(company, "UPDATE usage_bucket SET sent_revision = 0, sent_total = 0, due = true")
    assert await company.report() == 1
    assert (await counted(company))["answers"] == 3
    assert await company.rows("SELECT revision, sent_revision, due FROM usage_bucket") == [(1, 1, False)]


async def test_trouble_at_stripe_puts_a_total_off_and_a_kept_failure_does_not_hold_it_up(
    company: Company,
) -> None:
    await company.call(2)
    for fault in ({"server_errors": 3}, {"rate_limited": 3}, {"conflicts": 3}):
        company.shop.sandbox.control("faults", fault)
        assert await company.report() == 0
        company.shop.sandbox.control("faults", method="DELETE")
    assert await company.report() == 1
    assert (await counted(company))["answers"] == 2


async def test_usage_too_old_for_stripe_is_a_dead_letter_that_the_doctor_names(company: Company) -> None:
    await company.call(1)
    await change(
        company,
        "UPDATE usage_bucket SET hour = hour - interval '36 days';"
        "UPDATE contract SET current_period_start = NULL, started_at = started_at - interval '50 days'",
    )
    assert await company.report() == 0
    assert await company.report() == 0
    [(rejected, total)] = await company.rows("SELECT rejected, total FROM usage_bucket")
    assert "35 days" in rejected
    assert total == 1
    findings = {finding.name: finding.faults for finding in await check_invariants(company.context)}
    assert any("35 days" in fault for fault in findings["meter.reported"])


async def test_two_reporters_at_once_tell_every_total_once(company: Company) -> None:
    await company.call(2)
    await company.call(2, "passages")
    told = await asyncio.gather(company.report(), company.report(), company.report())
    assert sum(told) == 2
    assert await company.rows("SELECT revision, sent_total FROM usage_bucket") == [(1, 2), (1, 2)]
    units = await counted(company)
    assert (units["answers"], units["passages"]) == (2, 2)
