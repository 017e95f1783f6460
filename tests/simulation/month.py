"""What people do in a month, drawn from a seed, and what it must come to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

from tests.simulation.books import Books, MeteredCall, Sale, half_up
from tests.simulation.market import DAY, FAILS_LATER, PAYS, Company, Creator, Market

DAYS = 33
"""Crosses the first of a month, and everybody's renewal who came in the first days."""
JOIN_DAYS = 20
CURRENCIES = ("cny", "cny", "usd", "jpy")
LEAST = {"cny": (600, 3000), "usd": (200, 900), "jpy": (200, 2000)}


@dataclass
class Member:
    """A running subscription as it is expected to go on."""

    reader: Any
    creator: Creator
    price: int
    interval: str
    next_bill: datetime
    pays: bool
    sale: Sale | None = None
    ends: bool = False


@dataclass
class Month:
    market: Market
    random: Random
    books: Books = field(default_factory=Books)
    creators: list[Creator] = field(default_factory=list)
    companies: list[Company] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    sales: list[tuple[str, Sale]] = field(default_factory=list)
    calls: dict[str, list[MeteredCall]] = field(default_factory=dict)
    day: int = 0

    async def open(self, *, creators: int, companies: int) -> None:
        for n in range(creators):
            currency = CURRENCIES[n % len(CURRENCIES)]
            low, high = LEAST[currency]
            monthly = self.random.randrange(low, high)
            made = await self.market.creator(f"creator{n}", currency, monthly, monthly * 10)
            self.creators.append(made)
            if n % 2 == 0:
                await self.market.onboard(made)
        for n in range(companies):
            self.companies.append(await self.market.company(f"company{n}"))
            self.calls[self.companies[-1].id] = []
        await self.market.work()

    async def live(self, readers: int) -> None:
        """All of the days; ``readers`` come in the first ``JOIN_DAYS`` of them."""
        comers = sorted(int(JOIN_DAYS * self.random.random() ** 3) for _ in range(readers))
        for self.day in range(DAYS):
            for n in [n for n, day in enumerate(comers) if day == self.day]:
                await self._come(n)
            await self._use_programs()
            await self.market.work()
            for _ in range(max(1, readers // 40)):
                await self._something()
            await self.market.work()
            await self._night()
        # Renewals of the last night become final an hour later.
        await self.market.advance(2 * 3600)
        self._renewals(await self._now())

    # --- what a reader does ----------------------------------------------------------------------------

    async def _come(self, n: int) -> None:
        reader = await self.market.reader(f"reader{n}")
        creator = self.random.choice(self.creators)
        kind = self.random.choices(["month", "year", "pass", "tip"], [6, 2, 2, 2])[0]
        price = 0
        if kind == "tip":
            low, high = LEAST[creator.currency]
            price = self.random.randrange(low, high)
            body = {
                "knowledge_base_id": creator.base_id,
                "price": {"amount": price, "currency": creator.currency},
                "anonymous": self.random.random() < 0.5,
            }
            tip = await self.market.call("POST", "/v1/tips", reader, body, 201)
            await self.market.pay(tip["checkout_url"])
        else:
            price = creator.plans[kind]["price"]["amount"]
            pays = self.random.random() < 0.85
            await self.market.buy(reader, creator, kind, PAYS if pays else FAILS_LATER)
        sale = self.books.sell(kind, creator.name, price, creator.currency)
        self.sales.append((reader.id, sale))
        if kind in {"month", "year"}:
            began = await self._now()
            due = add_months(began, 1 if kind == "month" else 12)
            self.members.append(Member(reader, creator, price, kind, due, pays, sale))

    async def _something(self) -> None:
        """One of the rarer things, if there is somebody to do it."""
        deeds = [self._cancel, self._leave, self._upgrade, self._refund, self._dispute]
        await self.random.choices(deeds, [2, 1, 1, 5, 2])[0]()

    async def _cancel(self) -> None:
        member = self._pick(lambda member: not member.ends)
        if member is not None:
            await self._patch(member, {"cancel_at_period_end": True})
            member.ends = True
            self.books.deeds["cancel"] += 1

    async def _leave(self) -> None:
        member = self._pick(lambda member: True)
        if member is not None:
            row = await self._subscription(member)
            await self.market.call("DELETE", f"/v1/subscriptions/{row['id']}", member.reader, expect=204)
            self.members.remove(member)
            self.books.deeds["left at once"] += 1

    async def _upgrade(self) -> None:
        """From months to a year: the year less what is left of the month is paid at once."""
        member = self._pick(lambda m: m.interval == "month" and m.pays and not m.ends)
        if member is None:
            return
        before = await self._subscription(member)
        await self._patch(member, {"plan_id": member.creator.plans["year"]["id"]})
        await self.market.work()
        [after] = await self.market.rows(
            "SELECT current_period_start AS start FROM subscription WHERE id = :id", id=before["id"]
        )
        start, end = _time(before["current_period_start"]), _time(before["current_period_end"])
        yearly = member.creator.plans["year"]["price"]["amount"]
        unused = half_up(
            member.price * parts_left(start=start, end=end, now=after.start.replace(microsecond=0))
        )
        sale = self.books.sell("upgrade", member.creator.name, yearly - unused, member.creator.currency)
        self.sales.append((member.reader.id, sale))
        member.price, member.interval, member.sale = yearly, "year", sale
        member.next_bill = add_months(after.start, 12)

    async def _refund(self) -> None:
        """A creator gives back a part of a sale, or all that is left of it."""
        open_sales = [
            (reader, sale) for reader, sale in self.sales if sale.returned < sale.amount and sale.amount > 10
        ]
        if not open_sales:
            return
        reader_id, sale = self.random.choice(open_sales)
        left = sale.amount - sale.returned
        amount = left if self.random.random() < 0.3 else self.random.randrange(1, left + 1)
        rows = await self.market.rows(
            "SELECT id, refunded FROM sale WHERE account_id = :reader AND amount = :amount",
            reader=reader_id,
            amount=sale.amount,
        )
        found = next((row for row in rows if row.refunded == sale.returned), None)
        assert found is not None, f"the sale of {sale.amount} to {reader_id} is not recorded"
        creator = next(each for each in self.creators if each.name == sale.creator)
        body = {"amount": {"amount": amount, "currency": sale.currency}, "end_subscription": False}
        await self.market.call("POST", f"/creator/v1/sales/{found.id}/refund", creator.who, body, 201)
        self.books.give_back("refund", sale, amount)

    async def _dispute(self) -> None:
        """A bank takes back what was paid once, and decides."""
        single = [
            (reader, sale)
            for reader, sale in self.sales
            if sale.what in {"tip", "pass"} and sale.returned < sale.amount
        ]
        if not single:
            return
        reader_id, sale = self.random.choice(single)
        self.sales.remove((reader_id, sale))
        [row] = await self.market.rows(
            "SELECT stripe_charge_id AS charge FROM sale WHERE account_id = :reader", reader=reader_id
        )
        opened = await self.market.control("POST", "disputes", {"charge": row.charge})
        await self.market.work()
        end = self.random.choice(["won", "lost"])
        await self.market.control("POST", "disputes", {"dispute": opened["id"], "status": end})
        if end == "lost":
            self.books.lose(sale)
        else:
            self.books.win(sale)

    # --- what programs do ------------------------------------------------------------------------------

    async def _use_programs(self) -> None:
        for company in self.companies:
            for _ in range(self.random.randrange(3, 9)):
                meter = self.random.choice(["passages", "answers", "answers"])
                asked = self.random.sample(self.creators, k=min(len(self.creators), 3))
                drawn = {each.base_id: self.random.randrange(1, 4) for each in asked}
                call = MeteredCall(meter, tuple((each.name, drawn[each.base_id]) for each in asked))
                assert await self.market.metered(company, meter, drawn) == call.price
                self.calls[company.id].append(call)

    # --- nights ----------------------------------------------------------------------------------------

    async def _night(self) -> None:
        await self.market.tick()
        before = await self._now()
        await self.market.advance(DAY)
        after = await self._now()
        self._renewals(before)
        if before.month != after.month:
            await self._month_end()

    async def _month_end(self) -> None:
        """Invoices of the month's calls are made on the first, and final an hour later."""
        await self.market.advance(2 * 3600)
        for calls in self.calls.values():
            self.books.invoice(calls)
            calls.clear()

    def _renewals(self, now: datetime) -> None:
        """Books what was due an hour before ``now``: until then a renewal's invoice is a draft."""
        for member in list(self.members):
            while member.next_bill + timedelta(hours=1) <= now:
                if member.ends or not member.pays:
                    self.members.remove(member)
                    self.books.deeds["ended"] += 1
                    break
                sale = self.books.sell("renewal", member.creator.name, member.price, member.creator.currency)
                self.sales.append((member.reader.id, sale))
                member.sale = sale
                member.next_bill = add_months(member.next_bill, 1 if member.interval == "month" else 12)

    # --- small things ----------------------------------------------------------------------------------

    def _pick(self, fits: Any) -> Member | None:
        """A member who is not about to be billed."""
        found = [member for member in self.members if fits(member)]
        return self.random.choice(found) if found else None

    async def _subscription(self, member: Member) -> Any:
        rows = (await self.market.call("GET", "/v1/subscriptions", member.reader))["data"]
        [row] = rows
        times = await self.market.rows(
            "SELECT current_period_start FROM subscription WHERE id = :id", id=row["id"]
        )
        return row | {"current_period_start": times[0].current_period_start.isoformat()}

    async def _patch(self, member: Member, changes: Any) -> None:
        row = await self._subscription(member)
        await self.market.call("PATCH", f"/v1/subscriptions/{row['id']}", member.reader, changes)

    async def _now(self) -> datetime:
        [row] = await self.market.rows("SELECT zhihao_now() AS now")
        now: datetime = row.now
        return now.astimezone(UTC)


def parts_left(*, start: datetime, end: datetime, now: datetime) -> Fraction:
    """The fraction of a period that is still to come."""
    return Fraction(int((end - now).total_seconds()), int((end - start).total_seconds()))


def add_months(moment: datetime, months: int) -> datetime:
    """The same day and time so many months on, or the last day of a shorter month."""
    count = moment.month - 1 + months
    year, month = moment.year + count // 12, count % 12 + 1
    for day in range(moment.day, 0, -1):
        try:
            return moment.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
