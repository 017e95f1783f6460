"""Money under faults: what may be done in any order, while the processor times out, doubles, loses and fails.

All runs share one market, its creators and its organizations, and each has readers of its own. A step may be
refused, or answered that the processor does not answer, and never with a fault of ours. When a run ends, the
faults are taken away, the clock moves past every wait, and what must always hold is checked.

Faults cost no time: a call that "times out" has its connection cut, before or after its work was done.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from random import Random
from typing import Any, ClassVar

import httpx
import stripe
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from service.usecases.check_invariants import check_invariants
from service.usecases.reconcile_balance import reconcile_balance
from service.worker import PERIODIC
from tests.contract.sandbox_process import SECRET
from tests.integration.serving import SignedIn, register
from tests.simulation.market import DAY, FAILS_LATER, PAYS, Company, Creator, Market

HOUR = 3600
LONGEST_OUTAGE = 24
"""Hours."""
WAYS = ("all", "doubled", "lost", "shuffled")
DECLINED = "4000000000000002"
CREATORS, COMPANIES, READERS = 4, 3, 2
# What a caller may be told while the processor fails; 500 would be a fault of ours.
REFUSALS = {400, 402, 403, 404, 409, 429, 502, 503}
TROUBLES = ("timeout_before", "timeout_after", "conflict", "rate_limited", "server_error")
# What the clock does about whatever was lost, cut off or put off.
MENDING = (
    "sweep_stripe_events",
    "expire_reservations",
    "sweep_changes",
    "sweep_refunds",
    "report_usage",
    "reconcile_usage",
    "pay_creators",
)
UNWORKED = "SELECT id, type, status, outcome FROM stripe_event WHERE status <> 'worked'"
readers = st.integers(0, READERS - 1)


class Stage:
    """The market and the loop it lives on, for machines that are not asynchronous."""

    def __init__(self, market: Market, loop: asyncio.AbstractEventLoop) -> None:
        self.market = market
        self.loop = loop
        self.runs = 0
        self.steps = 0
        self.creators: list[Creator] = []
        self.companies: list[Company] = []

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def open(self) -> None:
        """Whoever all runs share; every other creator can be paid."""
        for number in range(CREATORS):
            self.creators.append(await self.market.creator(f"c{number}", "cny", 990, 9900))
            if number % 2 == 0:
                await self.market.onboard(self.creators[-1])
        self.companies = [await self.market.company(f"o{number}") for number in range(COMPANIES)]
        await self.market.work()
        self.market.faulty = True


class MoneyMachine(RuleBasedStateMachine):
    stage: ClassVar[Stage]

    def __init__(self) -> None:
        super().__init__()
        self.market = self.stage.market
        self.creator: Creator
        self.company: Company
        self.readers: list[SignedIn] = []

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        self.stage.steps += 1
        return self.stage.do(work)

    @initialize(creator=st.integers(0, CREATORS - 1), company=st.integers(0, COMPANIES - 1))
    def open(self, creator: int, company: int) -> None:
        self.stage.runs += 1
        self.creator, self.company = self.stage.creators[creator], self.stage.companies[company]
        self.stage.do(self._open(self.stage.runs))

    async def _open(self, run: int) -> None:
        self.readers = [await register(self.market.client, f"r{run}x{n}") for n in range(READERS)]

    # --- what people do --------------------------------------------------------------------------------

    @rule(
        reader=readers,
        plan=st.sampled_from(["month", "year", "pass"]),
        card=st.sampled_from([PAYS, FAILS_LATER, DECLINED]),
        twice=st.booleans(),
    )
    def buy(self, reader: int, plan: str, card: str, twice: bool) -> None:
        self.do(self._buy(self.readers[reader], plan, card, twice))

    async def _buy(self, reader: SignedIn, plan: str, card: str, twice: bool) -> None:
        path = f"/v1/knowledge-bases/{self.creator.base_id}/checkout"
        body = {"plan_id": self.creator.plans[plan]["id"]}
        pages = [await self.attempt("POST", path, reader, body) for _ in range(1 + twice)]
        for page in pages:
            await self.visit(page, card)

    @rule(reader=readers, amount=st.integers(500, 5000))
    def tip(self, reader: int, amount: int) -> None:
        self.do(self._tip(self.readers[reader], amount))

    async def _tip(self, reader: SignedIn, amount: int) -> None:
        body = {
            "knowledge_base_id": self.creator.base_id,
            "price": {"amount": amount, "currency": "cny"},
        }
        await self.visit(await self.attempt("POST", "/v1/tips", reader, body), PAYS)

    @rule(reader=readers, to=st.sampled_from(["month", "year", "ending", "staying", "ended"]))
    def change(self, reader: int, to: str) -> None:
        self.do(self._change(self.readers[reader], to))

    async def _change(self, reader: SignedIn, to: str) -> None:
        listed = await self.attempt("GET", "/v1/subscriptions", reader)
        for row in (listed or {"data": []})["data"]:
            path = f"/v1/subscriptions/{row['id']}"
            if to == "ended":
                await self.attempt("DELETE", path, reader)
            elif to in {"ending", "staying"}:
                await self.attempt("PATCH", path, reader, {"cancel_at_period_end": to == "ending"})
            else:
                await self.attempt("PATCH", path, reader, {"plan_id": self.creator.plans[to]["id"]})

    @rule(which=st.integers(0, 50), part=st.integers(1, 100))
    def refund(self, which: int, part: int) -> None:
        self.do(self._refund(which, part))

    async def _refund(self, which: int, part: int) -> None:
        sale = await self._sale(which)
        if sale is not None:
            amount = max(1, sale.amount * part // 100)
            body = {"amount": {"amount": amount, "currency": sale.currency}}
            await self.attempt("POST", f"/creator/v1/sales/{sale.id}/refund", self.creator.who, body)

    @rule(which=st.integers(0, 50), end=st.sampled_from(["open", "won", "lost"]))
    def dispute(self, which: int, end: str) -> None:
        self.do(self._dispute(which, end))

    async def _dispute(self, which: int, end: str) -> None:
        sale = await self._sale(which)
        if sale is None:
            return
        control = f"{self.market.sandbox.url}/_sandbox/disputes"
        opened = await self.market.outside.post(control, json={"charge": sale.stripe_charge_id})
        if end != "open" and opened.status_code == 200:
            await self.market.outside.post(control, json={"dispute": opened.json()["id"], "status": end})

    async def _sale(self, which: int) -> Any:
        sales = await self.market.rows(
            "SELECT id, amount, currency, stripe_charge_id FROM sale"
            " WHERE knowledge_base_id = CAST(:base AS uuid) ORDER BY paid_at, id",
            base=self.creator.base_id,
        )
        return sales[which % len(sales)] if sales else None

    @rule(calls=st.integers(1, 20), meter=st.sampled_from(["passages", "answers"]))
    def use(self, calls: int, meter: str) -> None:
        self.do(self._use(calls, meter))

    async def _use(self, calls: int, meter: str) -> None:
        with suppress(Exception):  # a contract that is not in force yet
            await asyncio.gather(
                *(self.market.metered(self.company, meter, {self.creator.base_id: 1}) for _ in range(calls))
            )

    # --- what time and the worker do -------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 24, 4 * 24, 15 * 24, 32 * 24]))
    def wait(self, hours: int) -> None:
        self.do(self._wait(hours))

    async def _wait(self, hours: int) -> None:
        # The processor takes no usage that is older than 35 days: it is away for hours, never for weeks.
        if hours > LONGEST_OUTAGE:
            await self.market.control("DELETE", "faults")
            await self.market.hurry()
            await self.market.periodic("report_usage")
        await self.market.pass_time(hours * HOUR)

    @rule(seed=st.integers(0, 1 << 16), how=st.sampled_from(WAYS))
    def bring(self, seed: int, how: str) -> None:
        """The events that were sent reach the door: each, twice, not all, or in any order."""
        # How much is drawn depends on how many came, which Hypothesis must not see.
        self.do(self._bring(Random(seed), how))

    async def _bring(self, random: Random, how: str) -> None:
        raw = self.market.heard_since()
        if how == "doubled":
            raw += raw
        if how == "lost":
            raw = [body for body in raw if random.random() < 0.7]
        if how != "all":
            random.shuffle(raw)
        for body in raw:
            headers = {"stripe-signature": stripe.WebhookSignature.generate_signature_header(body, SECRET)}
            answer = await self.market.client.post("/webhooks/stripe", content=body, headers=headers)
            assert answer.status_code in {200, 503}, answer.text

    @rule()
    def work(self) -> None:
        self.do(self.market.jobs())

    @rule(name=st.sampled_from([job.name for job in PERIODIC]))
    def by_the_clock(self, name: str) -> None:
        self.do(self.market.periodic(name))

    # --- what goes wrong -------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(TROUBLES),
        chance=st.sampled_from([0.1, 0.4, 1.0]),
        seed=st.integers(0, 1 << 16),
    )
    def trouble(self, name: str, chance: float, seed: int) -> None:
        """So many of the calls to come fail in this way, until there is other trouble, or none."""
        self.do(self._fault({"chances": {name: chance}, "seed": seed, "delay_seconds": 0.0}))

    @rule(down=st.booleans())
    def outage(self, down: bool) -> None:
        self.do(self._fault({"outage": down, "chances": {}}))

    async def _fault(self, faults: dict[str, object]) -> None:
        await self.market.control("POST", "faults", faults)

    @rule(milliseconds=st.integers(1, 60), what=st.sampled_from(["buy", "pay", "work", "refund"]))
    def crash(self, milliseconds: int, what: str) -> None:
        """A process ends in the middle of something: nothing after this moment is done."""
        self.do(self._crash(milliseconds / 1000, what))

    async def _crash(self, seconds: float, what: str) -> None:
        doing: Coroutine[Any, Any, Any]
        match what:
            case "buy":
                doing = self._buy(self.readers[0], "month", PAYS, False)
            case "pay":
                doing = self.market.periodic("pay_creators")
            case "refund":
                doing = self._refund(0, 40)
            case _:
                doing = self.market.jobs()
        task = asyncio.ensure_future(doing)
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await self.market.recover_jobs()

    # --- how a run ends --------------------------------------------------------------------------------

    def teardown(self) -> None:
        self.stage.do(self._settle())

    async def _settle(self) -> None:
        """Everything that waits is done: what was lost is found by the sweep, what failed is tried again."""
        await self.market.control("DELETE", "faults")
        for seconds, mending in ((HOUR, MENDING), (DAY, MENDING[1:])):
            await self.market.pass_time(seconds)
            await self.market.hurry()
            for name in mending:
                await self.market.periodic(name)
            await self.market.work()
        await reconcile_balance(self.market.context)
        findings = await check_invariants(self.market.context)
        broken = {finding.name: finding.faults for finding in findings if finding.faults}
        assert not broken, broken
        unworked = await self.market.rows(UNWORKED)
        assert not unworked, unworked
        await self._balance_agrees()
        await self._leave()

    async def _leave(self) -> None:
        """What this run's readers have goes on no longer, so that later runs renew only their own."""
        for reader in self.readers:
            await self._change(reader, "ended")

    async def _balance_agrees(self) -> None:
        """The ledger's Stripe account is what the balance at the processor is."""
        async with self.market.sandbox.client("sk_test_market") as client:
            balance = await client.v1.balance.retrieve_async()
        held = {line.currency: line.amount for line in balance.available}
        for line in balance.pending:
            held[line.currency] = held.get(line.currency, 0) + line.amount
        rows = await self.market.rows(
            "SELECT currency, balance FROM ledger_account WHERE kind = 'stripe_balance'"
        )
        for row in rows:
            assert row.balance == held.get(row.currency, 0), (row.currency, row.balance, held)

    # --- small things ----------------------------------------------------------------------------------

    async def attempt(self, method: str, path: str, who: SignedIn, body: Any = None) -> Any:
        """A call that may be refused; what it answered, or None."""
        answer = await self.market.client.request(method, path, json=body, headers=who.headers)
        if answer.status_code >= 400:
            assert answer.status_code in REFUSALS, (
                f"{method} {path}: {answer.status_code} {answer.text[:500]}"
            )
            return None
        return answer.json() if answer.content else None

    async def visit(self, page: Any, card: str) -> None:
        """The buyer at the hosted page; the sandbox may be out of order there too."""
        if page and page.get("checkout_url"):
            with suppress(httpx.TransportError):
                await self.market.outside.post(page["checkout_url"], data={"card": card})
