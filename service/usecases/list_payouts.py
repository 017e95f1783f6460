"""A creator sees what was paid to them, and what waits for which reason."""

from datetime import datetime, timedelta
from uuid import UUID

from billing.payouts import accounts, blocks, facts, listing
from billing.payouts.listing import PayoutFact as PayoutFact
from billing.payouts.listing import Waiting as Waiting
from billing.processor import inbox
from service.platform.database import zhihao_now
from service.platform.settings import Settings
from service.usecases.context import Context
from service.usecases.pay_creators import terms_of


async def list_payouts(
    context: Context, *, creator_id: UUID, before: UUID | None, limit: int
) -> list[PayoutFact]:
    """Newest first: paid, being paid, put off, given up."""
    async with context.database.reading() as connection:
        return await listing.list_payouts(connection, creator_id, before=before, limit=limit)


async def list_waiting(context: Context, *, creator_id: UUID) -> list[Waiting]:
    """What is payable and not being paid, by currency and reason."""
    async with context.database.transaction() as session:
        account = await accounts.find(session, creator_id)
        if account is None:
            return []
        now = await zhihao_now(session)
        terms = terms_of(context.settings, now=now, clock=await inbox.clock(session))
        found = await facts.facts_of(session, [creator_id], terms)
        return listing.waiting(
            found,
            account,
            blocked=bool(await blocks.blocks(session)),
            hold=timedelta(days=context.settings.payout_hold_days),
            netted_from=_next_netting(context.settings, now, done=any(one.netted for one in found)),
        )


def _next_netting(settings: Settings, now: datetime, *, done: bool) -> datetime:
    """When netted payments are made next."""
    day = now.replace(day=settings.payout_netted_day, hour=0, minute=0, second=0, microsecond=0)
    if not done:
        return max(day, now)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=settings.payout_netted_day)
