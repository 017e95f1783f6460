"""What is paid to a creator now, in one currency. Pure: the same facts always come to the same payments.

What is due of a charge is paid by a payment of its own. Debts are paid first: by lines below zero, so that
each charge stays settled by itself, or, for a debt of no charge, by holding back. No matter what is passed
in, the payments together are never more than what the ledger owes and nothing carries yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Due:
    """What is open of one charge: ``amount`` above zero is owed to the creator, below it a debt of theirs.

    ``ripe``: past the hold-back, and neither disputed nor otherwise held.
    """

    sale_id: UUID
    amount: int
    ripe: bool


@dataclass(frozen=True)
class Line:
    """A part of a payment; of one charge, or, with None, of what belongs to none."""

    sale_id: UUID | None
    amount: int


@dataclass(frozen=True)
class Payment:
    """``sale_id`` is the charge it is of. Of amount 0, it has only paid a debt, and nothing moves."""

    sale_id: UUID | None
    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        return sum(line.amount for line in self.lines)


def charges(available: int, dues: Sequence[Due]) -> list[Payment]:
    """A payment for each ripe charge, in the order given, less what pays debts.

    ``available`` is what the ledger owes the creator less what is being paid. What it holds beyond ``dues``
    is of no charge (shares of metered answers, of the pool): below zero it is a debt like any other.
    """
    debts = _Debts(dues, loose=available - sum(due.amount for due in dues))
    payments = []
    for due in dues:
        if due.amount <= 0 or not due.ripe:
            continue
        paying = debts.paid_from(due.amount)
        held = debts.hold(due.amount + sum(line.amount for line in paying))
        if held < due.amount:
            payments.append(Payment(due.sale_id, (Line(due.sale_id, due.amount - held), *paying)))
    return payments


def netted(
    available: int, dues: Sequence[Due], *, unripe: int, least: int, with_charges: bool = False
) -> Payment | None:
    """One payment for all that is of no charge, less the debts; None while it is under ``least``.

    ``unripe`` of it was earned too lately. ``with_charges`` adds every ripe charge, for who is paid by one
    payment for everything; without it charges are paid by ``charges``, which is to be planned before.
    """
    loose = available - sum(due.amount for due in dues)
    # What came too lately may still be taken back; a debt is a debt at once.
    ripe = loose - max(min(unripe, loose), 0)
    lines = [Line(None, ripe)] if ripe > 0 else []
    if with_charges:
        lines += [Line(due.sale_id, due.amount) for due in dues if due.ripe and due.amount > 0]
    debts = _Debts(dues, loose=min(ripe, 0))
    paid: list[Line] = []
    for index, line in enumerate(lines):
        paying = debts.paid_from(line.amount)
        held = debts.hold(line.amount + sum(one.amount for one in paying))
        lines[index] = Line(line.sale_id, line.amount - held)
        paid += paying
    payment = Payment(None, _merged([line for line in (*lines, *paid) if line.amount]))
    return payment if payment.amount >= max(least, 1) else None


class _Debts:
    """What a creator owes, used up as earnings pay it."""

    def __init__(self, dues: Sequence[Due], *, loose: int) -> None:
        self._of_charges = {due.sale_id: -due.amount for due in dues if due.amount < 0}
        self._loose = max(-loose, 0)

    def paid_from(self, amount: int) -> list[Line]:
        """The lines below zero that ``amount`` can pay."""
        lines = []
        for sale_id, debt in list(self._of_charges.items()):
            paying = min(amount, debt)
            if not paying:
                break
            lines.append(Line(sale_id, -paying))
            amount -= paying
            self._of_charges[sale_id] -= paying
            if paying == debt:
                del self._of_charges[sale_id]
        return lines

    def hold(self, amount: int) -> int:
        """How much of ``amount`` must wait for a debt of no charge."""
        held = min(amount, self._loose)
        self._loose -= held
        return held


def _merged(lines: Sequence[Line]) -> tuple[Line, ...]:
    """One line a charge."""
    sums: dict[UUID | None, int] = {}
    for line in lines:
        sums[line.sale_id] = sums.get(line.sale_id, 0) + line.amount
    return tuple(Line(sale_id, amount) for sale_id, amount in sums.items() if amount)
