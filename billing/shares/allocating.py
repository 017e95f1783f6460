"""What one payment of a metered invoice gives each line of it: the creators' shares, taken apart again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.splitting import Split
from billing.shares.claims import SharedInvoice, ShareLine
from billing.shares.limits import spread
from billing.shares.tables import share_allocation


@dataclass(frozen=True)
class Allocation:
    """Minor units of the settlement currency; ``fee`` is the creator's share of the processor's."""

    line: ShareLine
    amount: int
    fee: int


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
    session: AsyncSession, *, sale_id: UUID, invoice: SharedInvoice, split: Split, currency: str
) -> None:
    """Records what the sale gave each line of its invoice, once for a sale."""
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
        for given in allocations(invoice.lines, split.creators, split.creator_fees)
    ]
    if rows:
        await session.execute(sa.insert(share_allocation), rows)
