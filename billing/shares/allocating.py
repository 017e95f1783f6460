"""What one payment of a metered invoice gives: the creators' shares, and each line's part of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.splitting import Split, split_metered
from billing.money import allocate
from billing.shares.claims import SharedInvoice, ShareLine
from billing.shares.limits import spread
from billing.shares.tables import share_allocation


@dataclass(frozen=True)
class Allocation:
    """Minor units of the settlement currency; ``fee`` is the creator's share of the processor's."""

    line: ShareLine
    amount: int
    fee: int


def split_payment(
    settled: int, *, tax: int, fee: int, invoice: SharedInvoice, carried: Sequence[SharedInvoice]
) -> tuple[Split, list[tuple[SharedInvoice, Split]]]:
    """A payment of the invoice and of what it carries: the whole split, and each invoice's own.

    Each creator has what was granted to them; less paid is less for everybody, in proportion.
    """
    weights = [max(invoice.total, 0 if invoice.carried else 1), invoice.carried]
    net, net_carried = allocate(settled - tax, weights)
    cost, cost_carried = allocate(fee, weights)
    # What is carried and not known to be usage is the platform's.
    known = [one.total for one in carried]
    totals = [*known, max(invoice.carried - sum(known), 0 if any(known) else 1)]
    *nets, rest = allocate(net_carried, totals)
    *costs, rest_cost = allocate(cost_carried, totals)
    parts = [(invoice, _of(invoice, net, cost))]
    parts += [(one, _of(one, n, c)) for one, n, c in zip(carried, nets, costs, strict=True)]
    creators: defaultdict[UUID, int] = defaultdict(int)
    fees: defaultdict[UUID, int] = defaultdict(int)
    for _, part in parts:
        for who, share in part.creators.items():
            creators[who] += share
        for who, share in part.creator_fees.items():
            fees[who] += share
    platform = sum(part.platform for _, part in parts) + rest
    platform_fee = sum(part.platform_fee for _, part in parts) + rest_cost
    return Split(dict(creators), platform, tax, dict(fees), platform_fee), parts


def _of(invoice: SharedInvoice, net: int, fee: int) -> Split:
    billed = max(invoice.billed, invoice.invoiced)
    return split_metered(net, tax=0, fee=fee, billed=billed, accrued=invoice.granted)


def allocations(
    lines: Sequence[ShareLine], earned: Mapping[UUID, int], fees: Mapping[UUID, int]
) -> list[Allocation]:
    """Each creator's share and fee over their lines, by what was granted; both sum back for every creator."""
    of_creator: defaultdict[UUID, list[ShareLine]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: (line.knowledge_base_id, line.meter, line.month)):
        of_creator[line.creator_id].append(line)
    found = []
    for creator_id, theirs in of_creator.items():
        weights = [line.granted for line in theirs]
        amounts = spread(earned.get(creator_id, 0), weights)
        costs = spread(fees.get(creator_id, 0), weights)
        found += [
            Allocation(line, amount, cost)
            for line, amount, cost in zip(theirs, amounts, costs, strict=True)
            if amount or cost
        ]
    return found


async def keep(
    session: AsyncSession, *, sale_id: UUID, parts: Sequence[tuple[SharedInvoice, Split]], currency: str
) -> None:
    """Records what the sale gave each line of its invoice and of those it carries, once for a sale."""
    rows = [
        {
            "invoice_id": invoice.id,
            "creator_id": given.line.creator_id,
            "knowledge_base_id": given.line.knowledge_base_id,
            "meter": given.line.meter,
            "month": given.line.month,
            "sale_id": sale_id,
            "amount": given.amount,
            "fee": given.fee,
            "currency": currency,
        }
        for invoice, split in parts
        for given in allocations(invoice.lines, split.creators, split.creator_fees)
    ]
    if rows:
        await session.execute(sa.insert(share_allocation), rows)
