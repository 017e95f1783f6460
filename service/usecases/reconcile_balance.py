"""The ledger's balance at the processor is held beside the processor's own: read on, matched, told.

Fees that belong to no sale are posted here, since nothing else hears of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from billing.processor import marks
from billing.reconciliation import comparing
from billing.reconciliation.comparing import CurrencyTotal as CurrencyTotal
from billing.reconciliation.comparing import Mismatch as Mismatch
from service.platform.database import zhihao_now
from service.platform.ids import new_id
from service.usecases.context import Context

POSITION = "balance"
"""How far the processor's list has been read, by its own times."""
READ = "balance_read"
"""When it was read last, by our clock: what was posted after may not be in it."""

ALL_OF_IT = timedelta(days=365 * 50)
OVERLAP = timedelta(hours=1)
"""Lines are listed again for this long back: one may be listed later than a younger one."""
PENDING = timedelta(minutes=5)
SHOWN = 50


@dataclass(frozen=True)
class Reconciliation:
    """``agreed``: every difference is merely on its way. At most 50 mismatches of each sort.

    ``missing_in_ledger`` waits for its webhook, or was posted otherwise; ``missing_at_processor`` is asked
    for only when the sums disagree.
    """

    agreed: bool
    read_until: datetime | None
    currencies: Sequence[CurrencyTotal]
    missing_in_ledger: Sequence[Mismatch]
    missing_at_processor: Sequence[Mismatch]


async def reconcile_balance(context: Context) -> int:
    """Reads what moved the processor's balance since the last time and matches it; how many lines were new.

    May be run any number of times. Raises ``ProcessorUnavailable``.
    """
    async with context.database.transaction() as session:
        began = await zhihao_now(session)
        since = await marks.read_until(session, POSITION, first_look=ALL_OF_IT)
    new, after, newest = 0, None, since
    while True:
        lines, after = await context.payments.list_balance_lines(since=since - OVERLAP, after=after)
        async with context.database.transaction() as session:
            new += await comparing.keep(session, lines)
        newest = max([newest, *(line.created_at for line in lines)])
        if after is None:
            break
    await _post_fees(context)
    async with context.database.transaction() as session:
        await marks.read_until(session, READ, first_look=ALL_OF_IT)
        await marks.move(session, POSITION, read_until=newest)
        await marks.move(session, READ, read_until=began)
        await comparing.match(session, fresh=began - PENDING)
    return new


async def _post_fees(context: Context) -> None:
    async with context.database.transaction() as session:
        for fee in await comparing.fees_to_post(session):
            await post(
                session,
                id=new_id(),
                source=Source("balance_transaction", fee.id, "fee"),
                entries=[
                    Entry(Account("stripe_balance", fee.currency), fee.net),
                    Entry(Account("processor_fees", fee.currency), -fee.net),
                ],
                effective_at=fee.created_at,
            )


async def read_reconciliation(context: Context) -> Reconciliation:
    """How the two stand, as of the last reading."""
    async with context.database.transaction() as session:
        read_until = await marks.find(session, READ)
        if read_until is None:
            return Reconciliation(True, None, [], [], [])
        fresh = read_until - PENDING
        currencies = await comparing.totals(session, fresh=fresh)
        waiting = await comparing.not_in_ledger(session, fresh=fresh, limit=SHOWN)
        unexplained = any(total.difference != total.open for total in currencies)
        absent = await comparing.not_at_processor(session, fresh=fresh, limit=SHOWN) if unexplained else []
        late = await comparing.overdue(session, pending=PENDING)
        return Reconciliation(not unexplained and not late, read_until, currencies, waiting, absent)
