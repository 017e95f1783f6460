"""Refunds and disputes as a processor may tell of them: pending, failed, in other currencies, by chance."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.splitting import Split, split_metered, split_sale
from billing.money import Money
from billing.processor.disputes import Dispute
from billing.processor.port import Charge
from billing.processor.refunds import BalanceMovement, Refund
from billing.refunds import disputes, following, giving, taking
from billing.refunds.giving import ChargeDisputed, NothingToRefund, RefundTooLarge
from billing.refunds.taking import Sale
from billing.subscriptions import sales
from billing.subscriptions.sales import Sold
from service.platform.database import Database
from service.usecases.check_invariants import check_invariants
from tests.integration.serving import bare_context

CREATOR, ANOTHER = UUID(int=7), UUID(int=8)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class Till:
    """A sale in the books, and what a processor would say of it."""

    database: Database
    charge: Charge
    heard: int = 0

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[tuple[AsyncSession, Sale]]:
        async with self.database.transaction() as session:
            yield session, await taking.lock(session, charge_id=self.charge.id)

    def movement(self, amount: int, *, fee: int = 0) -> BalanceMovement:
        """Of the balance, at the rate of the day: that of the sale, a little off."""
        self.heard += 1
        currency = self.charge.settled.currency
        rate = 1 if currency == self.charge.presented.currency else Decimal("7.3")
        at = NOW + timedelta(seconds=self.heard)
        return BalanceMovement(f"txn_{uuid4()}", Money(int(amount * rate), currency), fee, at)

    def refund(self, amount: int, status: str = "succeeded", *, left: bool = True) -> Refund:
        return Refund(
            id=f"re_{uuid4()}",
            charge_id=self.charge.id,
            status=status,
            presented=Money(amount, self.charge.presented.currency),
            left=self.movement(-amount) if left else None,
            returned=None,
            failure_reason=None,
            created_at=NOW,
        )

    def returned(self, refund: Refund) -> Refund:
        assert refund.left is not None
        back = replace(self.movement(0), moved=-refund.left.moved)
        return replace(refund, status="failed", returned=back, failure_reason="lost_or_stolen_card")

    def dispute(self, amount: int, *, fee: int = 107) -> Dispute:
        return Dispute(
            id=f"du_{uuid4()}",
            charge_id=self.charge.id,
            status="needs_response",
            reason="product_not_received",
            disputed=Money(amount, self.charge.presented.currency),
            refundable=False,
            evidence_due_by=None,
            has_evidence=False,
            movements=(self.movement(-amount, fee=fee),),
            opened_at=NOW,
        )

    def won(self, dispute: Dispute) -> Dispute:
        back = replace(self.movement(0), moved=-dispute.movements[0].moved)
        return replace(dispute, status="won", movements=(*dispute.movements, back))

    async def write(self, said: Refund | Dispute) -> Any:
        async with self.locked() as (session, sold):
            if isinstance(said, Refund):
                return await following.write(session, sold, id=uuid4(), posting_id=uuid4(), said=said)
            written = await disputes.write(
                session, sold, id=uuid4(), posting_ids=(uuid4(), uuid4()), said=said
            )
            if written.sale.creator_id is not None:
                await taking.freeze(session, sold, since=await disputes.open_since(session, sold.id))
            return written

    async def taken(self) -> dict[tuple[str, UUID | None], int]:
        """What moved since the sale, by account."""
        query = sa.text(
            "SELECT kind, owner_id, sum(amount) AS amount FROM ledger_entry"
            " JOIN ledger_transaction AS posted ON posted.id = transaction_id"
            " JOIN ledger_account AS account ON account.id = account_id"
            " WHERE sale_id = :sale AND leg <> 'sale' GROUP BY 1, 2"
        )
        async with self.locked() as (session, sold):
            rows = await session.execute(query, {"sale": sold.id})
            return {(row.kind, row.owner_id): int(row.amount) for row in rows if row.amount}

    async def healthy(self) -> None:
        found = await check_invariants(bare_context(self.database))
        faults = {one.name: one.faults for one in found if one.faults}
        assert {name: said for name, said in faults.items() if not name.startswith("orphans.")} == {}


async def sold(
    database: Database, *, presented: Money, settled: Money, many: bool = False, tax: int = 0
) -> Till:
    charge = Charge(
        id=f"ch_{uuid4()}",
        payment_intent_id=None,
        balance_transaction_id=f"txn_{uuid4()}",
        presented=presented,
        settled=settled,
        fee=31,
        exchange_rate=None,
        refunded=0,
        paid_at=NOW,
    )
    split: Split = split_sale(settled.amount, tax=tax, fee=31, creator_id=CREATOR, take_rate_bps=2000)
    if many:
        split = split_metered(
            settled.amount, tax=tax, fee=31, billed=settled.amount, accrued={CREATOR: 301, ANOTHER: 7}
        )
    kind = Sold(kind="metered" if many else "tip", creator_id=None if many else CREATOR)
    async with database.transaction() as session:
        await sales.record(
            session, id=uuid4(), charge=charge, tax=0, split=split, take_rate_bps=2000, sold=kind
        )
    return Till(database, charge)


CNY = Money(990, "cny")


async def test_a_refund_that_fails_leaves_everything_as_it_was(database: Database) -> None:
    till = await sold(database, presented=CNY, settled=CNY)
    part = till.refund(333)
    assert (await till.write(part)).accepted
    failed = await till.write(till.returned(part))
    assert (failed.failed, failed.refund.status, failed.sale.refunded) == (True, "failed", 0)
    assert await till.taken() == {}
    # Older news of it, and the same again, change nothing.
    for again in (part, till.returned(part)):
        written = await till.write(again)
        assert (written.refund.status, written.moved, written.failed) == ("failed", False, False)
    await till.healthy()


async def test_a_pending_refund_counts_as_given_and_is_posted_when_it_leaves(database: Database) -> None:
    till = await sold(database, presented=CNY, settled=CNY)
    waiting = till.refund(900, "requires_action", left=False)
    assert (await till.write(waiting)).refund.status == "requires_action"
    assert await till.taken() == {}
    async with till.locked() as (session, sale):
        with pytest.raises(RefundTooLarge):
            await giving.begin(
                session, sale, id=uuid4(), amount=91, actor_id=None, as_operator=True, reason=""
            )
    done = await till.write(replace(waiting, status="succeeded", left=till.movement(-900)))
    assert (done.refund.status, done.moved) == ("succeeded", True)
    assert (await till.taken())["creator_refunded", CREATOR] == 720
    await till.healthy()


async def test_a_refund_that_was_canceled_gives_its_amount_free_again(database: Database) -> None:
    till = await sold(database, presented=CNY, settled=CNY)
    waiting = till.refund(990, "requires_action", left=False)
    await till.write(waiting)
    async with till.locked() as (session, sale):
        with pytest.raises(NothingToRefund):
            await giving.begin(
                session, sale, id=uuid4(), amount=None, actor_id=None, as_operator=True, reason=""
            )
    assert (await till.write(replace(waiting, status="canceled"))).failed
    async with till.locked() as (session, sale):
        assert await giving.left_of(session, sale) == 990


async def test_what_another_exchange_rate_costs_is_the_platforms(database: Database) -> None:
    till = await sold(database, presented=Money(1000, "usd"), settled=Money(7100, "cny"))
    await till.write(till.refund(1000))
    taken = await till.taken()
    assert taken["stripe_balance", None] == -7300
    assert taken["creator_refunded", CREATOR] == 5680
    assert taken["platform_revenue", None] == 1420 + 200
    await till.healthy()


async def test_a_bank_that_takes_more_than_is_left_takes_it_from_the_platform(database: Database) -> None:
    till = await sold(database, presented=CNY, settled=CNY)
    await till.write(till.refund(490))
    whole = till.dispute(990, fee=0)
    await till.write(whole)
    taken = await till.taken()
    assert (taken["creator_refunded", CREATOR], taken["platform_revenue", None]) == (792, 198 + 490)
    await till.write(till.won(whole))
    taken = await till.taken()
    assert (taken["creator_refunded", CREATOR], taken["platform_revenue", None]) == (392, 98)
    await till.healthy()


async def test_a_disputed_charge_is_not_refunded_and_one_that_was_won_is(database: Database) -> None:
    till = await sold(database, presented=CNY, settled=CNY)
    open_one = till.dispute(990)
    await till.write(open_one)
    begin: dict[str, Any] = {"amount": None, "actor_id": None, "as_operator": True, "reason": ""}
    async with till.locked() as (session, sale):
        with pytest.raises(ChargeDisputed):
            await giving.begin(session, sale, id=uuid4(), **begin)
    await till.write(till.won(open_one))
    async with till.locked() as (session, sale):
        assert (await giving.begin(session, sale, id=uuid4(), **begin)).amount == CNY


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("settled", [CNY, Money(7100, "cny")])
async def test_any_sequence_ends_in_the_same_shares(database: Database, settled: Money, many: bool) -> None:
    presented = CNY if settled == CNY else Money(1000, "usd")
    for seed in range(6):
        till = await sold(database, presented=presented, settled=settled, many=many, tax=13)
        chance = random.Random(seed)
        given: list[Refund] = []
        fought: list[Dispute] = []
        left = presented.amount
        for _ in range(10):
            step = chance.choice(["refund", "refund", "fail", "dispute", "win", "again"])
            if step == "refund" and left:
                given.append(till.refund(amount := chance.randint(1, left)))
                left -= amount
                await till.write(given[-1])
            elif step == "fail" and given:
                failed = given.pop(chance.randrange(len(given)))
                left += failed.presented.amount
                await till.write(till.returned(failed))
            elif step == "dispute" and left:
                fought.append(till.dispute(amount := chance.randint(1, left)))
                left -= amount
                await till.write(fought[-1])
            elif step == "win" and fought:
                won = fought.pop(chance.randrange(len(fought)))
                left += won.disputed.amount
                await till.write(till.won(won))
            elif step == "again" and (given or fought):
                known: list[Refund | Dispute] = [*given, *fought]
                await till.write(chance.choice(known))
        if left:
            await till.write(till.refund(left))
        taken = await till.taken()
        whole = (
            split_metered(
                settled.amount, tax=13, fee=0, billed=settled.amount, accrued={CREATOR: 301, ANOTHER: 7}
            )
            if many
            else split_sale(settled.amount, tax=13, fee=0, creator_id=CREATOR, take_rate_bps=2000)
        )
        for creator, share in whole.creators.items():
            assert taken["creator_refunded", creator] == share
        assert taken["tax_payable", None] == 13
    await till.healthy()
