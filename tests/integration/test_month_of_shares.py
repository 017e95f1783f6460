"""A month's end with two organizations and three creators, to the fen: what everybody gets is calculated anew
here, in fractions, from who called what and who read what."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.platform.database import Database
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.check_invariants import check_invariants
from service.usecases.close_months import close_months
from service.usecases.record_read import record_read
from service.usecases.settle_calls import Outcome, settle_call
from tests.contract.sandbox_process import Sandbox
from tests.integration.clocks import keep_time
from tests.integration.companies import Company, advance_to, found_company, month_end
from tests.integration.metering import run
from tests.integration.selling import Shop, shop_open
from tests.integration.serving import SignedIn, register
from tests.simulation.books import fee_of, parts_of

PRICES = {"answers": 333, "passages": 77}
ON_TOP = 51
SETTINGS: dict[str, Any] = {"price_answers": PRICES["answers"], "price_passages": PRICES["passages"]}
POOL: dict[str, Any] = {
    "pool_account_min_hours": 0,
    "pool_min_readers": 2,
    "pool_creator_max_bps": 6000,
    "pool_bps": 1500,
}


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        await keep_time(opened)
        context = dataclasses.replace(
            opened.context, settings=opened.context.settings.model_copy(update=POOL)
        )
        opened.context = context
        yield opened


@dataclasses.dataclass(eq=False)
class Author:
    """A creator with one base; ``on_top`` is what they ask beside the standard price."""

    who: SignedIn
    base: UUID
    on_top: int = 0

    @property
    def id(self) -> str:
        return self.who.id


async def authors_of(shop: Shop) -> list[Author]:
    found = [Author(shop.creator, UUID(shop.base["id"]))]
    for name, price in (("second", 0), ("third", ON_TOP)):
        who = await register(shop.client, name)
        await shop.call("PUT", "/creator/v1/profile", who, {"handle": name, "name": name})
        body: dict[str, Any] = {"title": name, "language": "en"}
        if price:
            body["api_price"] = {"amount": price, "currency": "cny"}
        base = await shop.call("POST", "/creator/v1/knowledge-bases", who, body, 201)
        path = f"/creator/v1/knowledge-bases/{base['id']}/publish"
        await shop.call("POST", path, who, {"rights_declared": True})
        found.append(Author(who, UUID(base["id"]), price))
    return found


async def call(company: Company, weights: Mapping[UUID, int], meter: Any) -> None:
    principal = KeyPrincipal(company.secret_hash)
    admission = await admit_call(company.context, Call(uuid4(), principal, meter, tuple(weights)))
    await settle_call(company.context, admission, Outcome(1, tuple(weights), dict(weights)))


def accruing(authors: list[Author], weights: Mapping[UUID, int], meter: str, own: set[str]) -> Counter[str]:
    """What one call gives each author: half of the price by citations, and four fifths of their own price."""
    by_base = {author.base: author for author in authors}
    half = Fraction(PRICES[meter], 2)
    pot = half.numerator // half.denominator  # the platform has the odd fen
    given: Counter[str] = Counter()
    for base, part in zip(weights, parts_of(pot, list(weights.values())), strict=True):
        author = by_base[base]
        if author.id not in own:
            given[author.id] += part + round(Fraction(author.on_top * 4, 5))
    return given


async def test_a_month_is_shared_to_the_fen(shop: Shop) -> None:
    first, second, third = authors = await authors_of(shop)
    companies = [await found_company(shop, name=name, **SETTINGS) for name in ("north", "south")]
    # The second author works for the southern company.
    await run(
        shop.context.database,
        "INSERT INTO membership (organization_id, account_id, role, created_at)"
        " VALUES (:organization, :account, 'developer', zhihao_now())",
        organization=UUID(companies[1].id),
        account=UUID(second.id),
    )
    plans: list[list[tuple[str, dict[Author, int]]]] = [
        [
            ("answers", {first: 3, second: 2, third: 2}),
            ("answers", {third: 1}),
            ("passages", {second: 1, first: 1}),
            ("answers", {first: 1, second: 6}),
        ],
        [
            ("answers", {second: 5, third: 2}),
            ("answers", {first: 1, second: 1, third: 1}),
            ("passages", {third: 4, second: 3}),
        ],
    ]
    earned: Counter[str] = Counter()
    fees: Counter[str] = Counter()
    net_take = 0
    for company, calls, own in zip(companies, plans, (set(), {second.id}), strict=True):
        accrued: defaultdict[str, int] = defaultdict(int)
        total = 0
        for meter, drawn in calls:
            weights = {author.base: weight for author, weight in drawn.items()}
            await call(company, weights, meter)
            total += PRICES[meter] + sum(author.on_top for author in drawn)
            for who, part in accruing(authors, weights, meter, own).items():
                accrued[who] += part
        fee = fee_of(total, "cny")
        creators = sorted(accrued, key=UUID)
        shares = [*(accrued[who] for who in creators), total - sum(accrued.values())]
        *theirs, ours = parts_of(fee, shares)
        for who, part in zip(creators, theirs, strict=True):
            earned[who] += accrued[who]
            fees[who] += part
        net_take += shares[-1] - ours
    end = await month_end(companies[0])
    await companies[0].report()
    # Nothing is earned before the invoices are paid, in the next month.
    pending = [(await shop.call("GET", "/creator/v1/earnings", one.who))["accruing"] for one in authors]
    assert [sum(money["amount"] for money in one) for one in pending] == [earned[one.id] for one in authors]
    await advance_to(companies[0], end + timedelta(hours=30))
    while len(await shop.rows("SELECT 1 FROM sale WHERE kind = 'metered'")) < 2:
        await shop.settle("invoice.paid")

    # In that month two read the first and the third author, and three the first alone.
    for bases in ([first, third], [first, third], [first], [first], [first], [second]):
        reader = await shop.reader(f"reader{uuid4().hex}")
        for author in bases:
            await record_read(
                shop.context, knowledge_base_ids=[author.base], account_id=UUID(reader.id), network=None
            )
    pool = round(Fraction(net_take * 15, 100))
    worth = {first: Fraction(4), second: Fraction(1), third: Fraction(1)}
    ordered = sorted(authors, key=lambda one: one.base)
    due = dict(zip((one.id for one in ordered), parts_of(pool, [worth[one] for one in ordered]), strict=True))
    # The second author had one reader, which is too few; the first is held to six tenths.
    paid_out = {first.id: min(due[first.id], pool * 6 // 10), second.id: 0, third.id: due[third.id]}
    await advance_to(companies[0], (end + timedelta(days=32)).replace(day=6))
    assert await close_months(shop.context) == 1

    for author in authors:
        [balance] = (await shop.call("GET", "/creator/v1/earnings", author.who))["balances"]
        assert balance["earned"] == earned[author.id] + paid_out[author.id]
        assert balance["fees"] == fees[author.id]
        [shown] = (await shop.call("GET", "/creator/v1/earnings/shares", author.who))["data"]
        assert shown["shared"]["amount"] == earned[author.id]
        assert shown["allocated"] == [{"amount": earned[author.id], "currency": "cny"}]
        assert sum(money["amount"] for money in shown["fees"]) == fees[author.id]
        assert [one["reason"] for one in shown["limited"]] == (
            ["own_organization"] if author is second else []
        )
        [month] = (await shop.call("GET", "/creator/v1/earnings/pool", author.who))["data"]
        assert sum(money["amount"] for money in month["amounts"]) == paid_out[author.id]
    [closed] = await shop.rows("SELECT net_take, pool, distributed FROM pool_month")
    assert tuple(closed) == (net_take, pool, sum(paid_out.values()))
    findings = await check_invariants(shop.context)
    kinds = ("shares", "pool", "ledger", "meter")
    assert [one for one in findings if one.faults and one.name.startswith(kinds)] == []
