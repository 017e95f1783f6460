"""A payout run's plan: a payout for all that can be paid now, committed before anybody is asked for it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.money import Money
from billing.payouts import allocations
from billing.payouts.facts import Facts, Terms, facts_of
from billing.payouts.netting import Due, Payment, charges, netted
from billing.payouts.port import Order
from billing.payouts.tables import payout, payout_line

MakeId = Callable[[], UUID]


async def plan(
    session: AsyncSession, creator_ids: Sequence[UUID], terms: Terms, *, make_id: MakeId
) -> list[Order]:
    """Keeps a payout for everything that can be paid to these creators now; returns those to be sent.

    Those that are frozen, cannot be paid, or owe more than they earned get none.
    """
    await allocations.locked(session, creator_ids)
    planned: list[_Planned] = []
    for facts in await facts_of(session, creator_ids, terms):
        planned += _planned(facts, terms, make_id)
    if not planned:
        return []
    await session.execute(sa.insert(payout), [one.row(terms) for one in planned])
    await session.execute(sa.insert(payout_line), [line for one in planned for line in one.lines()])
    moves = [
        (line.sale_id, line.amount, one.payment.amount if one.draws(line.sale_id) else 0)
        for one in planned
        for line in one.payment.lines
        if line.sale_id is not None
    ]
    await allocations.move(
        session,
        [(sale_id, amount) for sale_id, amount, _ in moves],
        drawn=[drawn for _, _, drawn in moves],
    )
    return [one.order(terms.clock) for one in planned if one.payment.amount]


@dataclass(frozen=True)
class _Planned:
    id: UUID
    facts: Facts
    payment: Payment
    kind: Literal["sale", "netted", "offset"]
    source_charge_id: str | None
    month: date | None

    def draws(self, sale_id: UUID | None) -> bool:
        return self.source_charge_id is not None and sale_id == self.payment.sale_id

    def row(self, terms: Terms) -> dict[str, object]:
        moves = self.payment.amount > 0
        return {
            "id": self.id,
            "creator_id": self.facts.creator_id,
            "kind": self.kind,
            "method": self.facts.method,
            "amount": self.payment.amount,
            "currency": self.facts.currency,
            "sale_id": self.payment.sale_id,
            "month": self.month,
            "status": "sending" if moves else "paid",
            "destination": self.facts.destination,
            "source_charge_id": self.source_charge_id,
            "begun_at": terms.clock,
            "paid_at": None if moves else terms.now,
        }

    def lines(self) -> list[dict[str, object]]:
        return [
            {"payout_id": self.id, "position": position, "sale_id": line.sale_id, "amount": line.amount}
            for position, line in enumerate(self.payment.lines)
        ]

    def order(self, begun_at: datetime) -> Order:
        facts = self.facts
        amount = Money(self.payment.amount, facts.currency)
        source = self.source_charge_id
        return Order(self.id, facts.creator_id, facts.method, amount, facts.destination, source, 1, begun_at)


def _planned(facts: Facts, terms: Terms, make_id: MakeId) -> list[_Planned]:
    if not facts.able:
        return []
    dues = facts.dues
    if facts.method == "manual":
        if terms.month is None or facts.netted:
            return []
        whole = netted(
            facts.available, dues, unripe=facts.unripe, least=terms.least(facts.currency), with_charges=True
        )
        return [] if whole is None else [_Planned(make_id(), facts, whole, "netted", None, terms.month)]
    charged = {one.sale_id: one for one in facts.open}
    planned = []
    taken: defaultdict[UUID | None, int] = defaultdict(int)
    for payment in charges(facts.available, dues):
        assert payment.sale_id is not None
        sold = charged[payment.sale_id]
        kind: Literal["sale", "offset"] = "sale" if payment.amount else "offset"
        source = sold.charge_id if payment.amount and sold.drawn + payment.amount <= sold.charged else None
        planned.append(_Planned(make_id(), facts, payment, kind, source, None))
        for line in payment.lines:
            taken[line.sale_id] += line.amount
    if terms.month is None or facts.netted:
        return planned
    left = [Due(due.sale_id, due.amount - taken[due.sale_id], due.ripe) for due in dues]
    paid = sum(one.payment.amount for one in planned)
    month = netted(facts.available - paid, left, unripe=facts.unripe, least=terms.least(facts.currency))
    if month is not None:
        planned.append(_Planned(make_id(), facts, month, "netted", None, terms.month))
    return planned
