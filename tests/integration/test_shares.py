"""Shares of metered calls: accruing, kept back, put on an invoice once, and given when it is paid."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from billing.ledger import balances
from billing.money import Money
from billing.processor.port import Charge, InvoiceLine, InvoiceSnapshot
from billing.shares.settling import EarlierInvoiceUnknown
from billing.subscriptions.references import Reference
from service.platform.database import Database, zhihao_now
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.check_invariants import check_invariants
from service.usecases.context import Context
from service.usecases.read_earnings import read_earnings
from service.usecases.read_shares import SharesOfMonth, read_shares
from service.usecases.read_usage import month_of
from service.usecases.settle_calls import Outcome, settle_call
from service.usecases.share_invoice import share_invoice
from tests.integration.metering import Customer, context_of, make_customer, make_knowledge_base, run

CNY = {"api_price_currency": "cny"}


class Payments:
    """The charges of invoices, as a processor would list them."""

    def __init__(self) -> None:
        self.charges: dict[str, list[Charge]] = {}

    async def list_invoice_charges(self, invoice_id: str) -> list[Charge]:
        return self.charges[invoice_id]


class Books:
    """Organizations that call, and invoices for what they called."""

    def __init__(self, context: Context, payments: Payments) -> None:
        self.context, self.payments, self.database = context, payments, context.database

    async def call(self, customer: Customer, weights: Mapping[UUID, int], meter: Any = "answers") -> None:
        principal = KeyPrincipal(customer.secret_hash)
        admission = await admit_call(self.context, Call(uuid4(), principal, meter, tuple(weights)))
        await settle_call(self.context, admission, Outcome(1, tuple(weights), dict(weights)))

    async def invoice(
        self,
        customer: Customer,
        *,
        status: str = "paid",
        paid: Sequence[int] = (),
        due: int | None = None,
        at: datetime | None = None,
    ) -> InvoiceSnapshot:
        """An invoice for all that was used and is on none, settled. ``paid``: its payments, by default one of
        all that is ``due``, which by default is its total."""
        stripe_id = f"in_{uuid4().hex}"
        async with self.database.reading() as connection:
            start, end = month_of(await zhihao_now(connection))
        total = await line(self.database, customer, stripe_id, start, end)
        due = sum(paid) or total if due is None else due
        amounts = list(paid) or ([due] if status == "paid" and due else [])
        snapshot = InvoiceSnapshot(
            stripe_id, "cus", "sub", status, "cny", total, 0, due, 0, start, end,
            (InvoiceLine("usage", total, None, None, start, end),),
        )  # fmt: skip
        if amounts:
            return await self.pay(customer, snapshot, *amounts, at=at)
        await self.settle(customer, snapshot)
        return snapshot

    async def pay(
        self,
        customer: Customer,
        snapshot: InvoiceSnapshot,
        *amounts: int,
        fee: int = 0,
        at: datetime | None = None,
    ) -> InvoiceSnapshot:
        assert snapshot.id is not None
        self.payments.charges[snapshot.id] = [
            charge_of(f"{snapshot.id}_{number}", amount, fee, at) for number, amount in enumerate(amounts)
        ]
        paid = replace(snapshot, status="paid", amount_paid=sum(amounts))
        await self.settle(customer, paid)
        return paid

    async def settle(self, customer: Customer, snapshot: InvoiceSnapshot) -> None:
        owner = Reference("contract", uuid4(), organization_id=customer.organization_id)
        await share_invoice(self.context, snapshot, owner, lane=None)

    async def earned(self, creator: UUID) -> tuple[int, int]:
        """What is earned, and what accrues."""
        found = await read_earnings(self.context, creator_id=creator, start=None, end=None)
        return sum(one.earned for one in found.balances), sum(one.amount for one in found.accruing)

    async def month(self, creator: UUID) -> SharesOfMonth:
        [(_, [found])] = await read_shares(self.context, creator_id=creator, before=None, limit=2)
        return found

    async def healthy(self) -> None:
        findings = await check_invariants(self.context)
        assert [
            finding
            for finding in findings
            if finding.faults and finding.name.startswith(("shares", "ledger"))
        ] == []


def charge_of(id: str, amount: int, fee: int = 0, at: datetime | None = None) -> Charge:
    money, paid_at = Money(amount, "cny"), at or datetime.now(UTC)
    return Charge(f"ch_{id}", None, f"txn_{id}", money, money, fee, Decimal(1), 0, paid_at)


async def line(database: Database, customer: Customer, stripe_id: str, start: datetime, end: datetime) -> int:
    """Matches an invoice with every bucket that is on none, as the metering room does; its total."""
    invoice = uuid4()
    values = {"org": customer.organization_id, "invoice": invoice, "stripe": stripe_id, "s": start, "e": end}
    for statement in LINING:
        rows = await run(database, statement, **{k: v for k, v in values.items() if f":{k}" in statement})
    return int(rows[0][0])


LINING = (
    """
    INSERT INTO metered_invoice (id, organization_id, stripe_invoice_id, status, currency, total, tax,
      amount_due, amount_paid, period_start, period_end, created_at)
    VALUES (:invoice, :org, :stripe, 'open', 'cny', 0, 0, 0, 0, :s, :e, zhihao_now())
    """,
    """
    INSERT INTO invoice_line (id, organization_id, invoice_id, meter, late, description, quantity, included,
      amount, currency, period_start, period_end, created_at)
    SELECT gen_random_uuid(), :org, :invoice, meter, false, '', sum(total - billed), 0, 0, 'cny', :s, :e,
      zhihao_now()
    FROM usage_bucket WHERE organization_id = :org AND total > billed GROUP BY meter
    """,
    """
    INSERT INTO invoice_slice (organization_id, meter, hour, from_mark, to_mark, line_id)
    SELECT b.organization_id, b.meter, b.hour, b.billed, b.total, l.id
    FROM usage_bucket b JOIN invoice_line l ON l.invoice_id = :invoice AND l.meter = b.meter
    WHERE b.organization_id = :org AND total > billed
    """,
    "UPDATE usage_bucket SET billed = total WHERE organization_id = :org",
    """
    SELECT coalesce(sum(e.amount), 0) FROM usage_event e
    WHERE e.call_id IN (
      SELECT e.call_id FROM invoice_line l JOIN invoice_slice s ON s.line_id = l.id
      JOIN usage_event e ON e.organization_id = s.organization_id AND e.meter = s.meter
        AND date_trunc('hour', e.at) = s.hour AND e.mark > s.from_mark AND e.mark <= s.to_mark
      WHERE l.invoice_id = :invoice)
    """,
)


@pytest.fixture
def books(database: Database) -> Books:
    return make_books(database)


def make_books(database: Database, **settings: Any) -> Books:
    payments = Payments()
    context = context_of(database, gate=False, **settings)
    return Books(Context(**{**context.__dict__, "payments": payments}), payments)


async def base_of(books: Books, creator: UUID, **given: object) -> UUID:
    return await make_knowledge_base(books.database, owner_id=creator, **given)


async def test_an_answer_is_shared_by_its_citations_and_a_price_of_ones_own_is_ones_own(books: Books) -> None:
    first, second = uuid4(), uuid4()
    bases = [
        await base_of(books, first),
        await base_of(books, second, api_price_amount=10, **CNY),
    ]
    customer = await make_customer(books.database)
    await books.call(customer, {bases[0]: 3, bases[1]: 1})
    # Half of 20 by three to one is 7.5 and 2.5; and 80% of the 10 on top.
    assert [(await books.earned(who))[1] for who in (first, second)] == [8, 2 + 8]
    await books.invoice(customer)
    assert await books.earned(first) == (8, 0)
    assert await books.earned(second) == (10, 0)
    shown = await books.month(second)
    assert {(one.meter, one.units, one.shared.amount) for one in shown.lines} == {
        ("answers", 0, 2),
        ("creator_prices", 10, 8),
    }
    assert (shown.accrued, shown.allocated) == (Money(10, "cny"), [Money(10, "cny")])
    await books.healthy()


async def test_one_fen_among_seven_citations_is_somebodys(database: Database) -> None:
    books = make_books(database, price_answers=2)
    creators = [uuid4() for _ in range(7)]
    bases = [await base_of(books, creator) for creator in creators]
    customer = await make_customer(database)
    await books.call(customer, dict.fromkeys(bases, 1))
    await books.invoice(customer)
    earned = [(await books.earned(creator))[0] for creator in creators]
    assert sorted(earned) == [0] * 6 + [1]
    await books.healthy()


async def test_what_one_calls_for_ones_own_organization_earns_nothing(books: Books) -> None:
    creator, other = uuid4(), uuid4()
    bases = [await base_of(books, creator, api_price_amount=10, **CNY), await base_of(books, other)]
    customer = await make_customer(books.database)
    for account in (creator, other):
        await run(
            books.database,
            "INSERT INTO account (id, display_name, created_at) VALUES (:id, 'x', zhihao_now())",
            id=account,
        )
    await run(
        books.database,
        "INSERT INTO membership (organization_id, account_id, role, created_at)"
        " VALUES (:org, :account, 'developer', zhihao_now())",
        org=customer.organization_id,
        account=creator,
    )
    await books.call(customer, dict.fromkeys(bases, 1))
    # Leaving afterwards changes nothing: it counts who one was when the call was made.
    await run(books.database, "DELETE FROM membership")
    await books.invoice(customer)
    assert [await books.earned(who) for who in (creator, other)] == [(0, 0), (5, 0)]
    shown = await books.month(creator)
    assert shown.accrued.amount == 13
    assert [(one.reason, one.amount.amount) for one in shown.limited] == [("own_organization", 13)]
    assert shown.shared.amount == 0
    await books.healthy()


async def test_a_setting_may_leave_a_part_of_ones_own_calls(database: Database) -> None:
    books = make_books(database, share_own_bps=5000)
    creator = uuid4()
    base = await base_of(books, creator)
    customer = await make_customer(database)
    await run(database, "UPDATE api_key SET created_by = :who", who=creator)
    await books.call(customer, {base: 1})
    await books.invoice(customer)
    assert await books.earned(creator) == (5, 0)


async def test_one_organization_gives_no_more_than_it_may(database: Database) -> None:
    books = make_books(database, share_untouched_amount=30, share_organization_max_bps=5000)
    creator = uuid4()
    base = await base_of(books, creator)
    whale, other = await make_customer(database), await make_customer(database)
    for customer, calls in ((whale, 10), (other, 2)):
        for _ in range(calls):
            await books.call(customer, {base: 1})
    await books.invoice(whale)
    # Of 120 in all, one organization may give half; the other is below what is left alone.
    assert (await books.earned(creator))[0] == 60
    await books.invoice(other)
    assert (await books.earned(creator))[0] == 80
    shown = await books.month(creator)
    assert [(one.reason, one.amount.amount) for one in shown.limited] == [("one_organization", 40)]
    assert (shown.accrued.amount, shown.shared.amount) == (120, 80)
    await books.healthy()


async def test_an_open_invoice_holds_its_usage_and_a_lost_one_writes_it_off(books: Books) -> None:
    creator = uuid4()
    base = await base_of(books, creator)
    customer = await make_customer(books.database)
    await books.call(customer, {base: 1})
    lost = await books.invoice(customer, status="open")
    await books.call(customer, {base: 1})
    assert await books.earned(creator) == (0, 20)
    # The next is paid first, and takes nothing of what the open one bills.
    await books.invoice(customer)
    assert await books.earned(creator) == (10, 10)
    await books.settle(customer, replace(lost, status="uncollectible"))
    assert await books.earned(creator) == (10, 0)
    shown = await books.month(creator)
    assert (shown.accrued.amount, shown.written_off.amount, shown.shared.amount) == (20, 10, 10)
    # It was paid after all.
    await books.pay(customer, lost, 20)
    assert await books.earned(creator) == (20, 0)
    assert (await books.month(creator)).written_off.amount == 0
    await books.healthy()


async def test_less_paid_than_billed_is_less_for_everybody_and_told_twice_is_once(books: Books) -> None:
    creators = [uuid4(), uuid4()]
    bases = [await base_of(books, creator) for creator in creators]
    customer = await make_customer(books.database)
    for _ in range(4):
        await books.call(customer, dict.fromkeys(bases, 1))
    # 80 billed, of which 20 accrue to each; a credit of 20 leaves 60, paid in two parts.
    paid = await books.invoice(customer, paid=[40, 20])
    await books.settle(customer, paid)
    assert [await books.earned(creator) for creator in creators] == [(15, 0), (15, 0)]
    shown = await books.month(creators[0])
    assert (shown.shared.amount, shown.allocated) == (20, [Money(15, "cny")])
    await books.healthy()


async def test_what_is_too_small_to_be_charged_is_shared_with_the_invoice_that_asks_for_it(
    books: Books,
) -> None:
    early, late = uuid4(), uuid4()
    bases = [await base_of(books, early), await base_of(books, late)]
    customer = await make_customer(books.database)
    for _ in range(2):
        await books.call(customer, {bases[0]: 1})
        small = await books.invoice(customer, due=0)
        await books.settle(customer, small)
    assert await books.earned(early) == (0, 20)
    await books.call(customer, {bases[1]: 1})
    paid = await books.invoice(customer, due=60)
    await books.settle(customer, paid)
    assert [await books.earned(who) for who in (early, late)] == [(20, 0), (10, 0)]
    await books.settle(customer, small)
    assert await books.earned(early) == (20, 0)
    await books.healthy()


async def test_an_invoice_that_carries_another_waits_until_that_is_known(books: Books) -> None:
    creator = uuid4()
    base = await base_of(books, creator)
    customer = await make_customer(books.database)
    await books.call(customer, {base: 1})
    with pytest.raises(EarlierInvoiceUnknown):
        await books.invoice(customer, due=50)
    assert await books.earned(creator) == (0, 10)
    # What nobody knows of after a while is no usage: a debt from elsewhere, and the platform's.
    await books.call(customer, {base: 1})
    await books.invoice(customer, due=50, at=datetime.now(UTC) - timedelta(hours=1))
    assert await books.earned(creator) == (10, 10)
    await books.healthy()


async def test_what_credit_met_is_nobodys_and_a_void_invoice_lets_go_of_what_it_carried(books: Books) -> None:
    creator = uuid4()
    base = await base_of(books, creator)
    customer = await make_customer(books.database)
    await books.call(customer, {base: 1})
    await books.invoice(customer, due=0)
    await books.call(customer, {base: 1})
    void = await books.invoice(customer, status="open", due=40)
    await books.settle(customer, replace(void, status="void"))
    assert await books.earned(creator) == (0, 10)
    await books.call(customer, {base: 1})
    # It asks for nothing beside its own: there was no debt any more.
    await books.invoice(customer)
    assert await books.earned(creator) == (10, 0)
    assert (await books.month(creator)).written_off.amount == 20
    await books.healthy()


async def test_usage_that_came_late_is_shared_with_the_invoice_that_bills_it(books: Books) -> None:
    creator = uuid4()
    base = await base_of(books, creator)
    customer = await make_customer(books.database)
    await books.call(customer, {base: 1})
    await books.invoice(customer)
    await books.call(customer, {base: 1}, "passages")
    assert await books.earned(creator) == (10, 1)
    await books.invoice(customer)
    assert await books.earned(creator) == (11, 0)
    rows = await run(
        books.database, "SELECT count(DISTINCT invoice_id) AS invoices, count(*) AS shares FROM usage_share"
    )
    assert (rows[0].invoices, rows[0].shares) == (2, 2)
    await books.healthy()


async def test_the_processors_fee_is_borne_by_all_and_the_ledger_says_what_the_lines_do(books: Books) -> None:
    creator = uuid4()
    bases = [await base_of(books, creator), await base_of(books, creator)]
    customer = await make_customer(books.database)
    for _ in range(5):
        await books.call(customer, {bases[0]: 2, bases[1]: 1})
    await books.pay(customer, await books.invoice(customer, status="open"), 100, fee=7)
    async with books.database.reading() as connection:
        [balance] = await balances.balances_of(connection, creator)
    shown = await books.month(creator)
    assert (balance.earned, balance.fees) == (50, 4)
    assert (shown.allocated, shown.fees) == ([Money(50, "cny")], [Money(4, "cny")])
    assert [line.allocated[0].amount for line in sorted(shown.lines, key=lambda one: -one.units)] == [35, 15]
    await books.healthy()


async def test_nothing_accrues_for_what_was_drawn_from_nothing(books: Books) -> None:
    creator = uuid4()
    base = await base_of(books, creator)
    customer = await make_customer(books.database)
    principal = KeyPrincipal(customer.secret_hash)
    admission = await admit_call(books.context, Call(uuid4(), principal, "passages", (base,)))
    await settle_call(books.context, admission, Outcome(1))
    await books.invoice(customer)
    assert await books.earned(creator) == (0, 0)
    await books.healthy()
