"""Creators are paid what is due to them: by the clock, as often as the settings say.

A run first finds out what became of what an earlier one had asked for, then tries again what waited, then
plans what is due now, batch by batch of creators, each planned in one transaction and sent after its commit.
Two runs at once do no harm: each creator is planned by one at a time, and no order is paid twice.
"""

from datetime import datetime, timedelta

import structlog

from billing.payouts import blocks, facts, outcomes, planning, reversing
from billing.payouts.facts import Terms
from billing.processor import inbox
from billing.processor.port import ProcessorUnavailable
from service.platform.database import zhihao_now
from service.platform.ids import new_id
from service.platform.settings import Settings
from service.usecases.balance_sale import finish_reversals
from service.usecases.context import Context
from service.usecases.send_payouts import Sending, look_up

log = structlog.get_logger(__name__)

UNDER_WAY = timedelta(minutes=2)
"""What was begun this lately may still be at work in another process."""


async def pay_creators(context: Context) -> None:
    """Pays all that is due, ripe and not held. While any block stands, only finds out and tries nothing."""
    async with context.database.transaction() as session:
        now, clock = await zhihao_now(session), await inbox.clock(session)
        standing = await blocks.blocks(session)
    await _find_out(context, now=now, clock=clock)
    if standing:
        log.warning("payouts.blocked", reasons=[block.reason for block in standing])
        return
    terms = terms_of(context.settings, now=now, clock=clock)
    sending = Sending(context)
    await _try_again(context, sending, terms)
    await _pay_due(context, sending, terms)
    if sending.over:
        log.warning("payouts.stopped", unknown=sending.unknown)


def terms_of(settings: Settings, *, now: datetime, clock: datetime) -> Terms:
    """What is ripe at ``now``, and whether the month's netted payments are made."""
    reached = now.day >= settings.payout_netted_day
    return Terms(
        now=now,
        clock=clock,
        ripe_before=now - timedelta(days=settings.payout_hold_days),
        month=now.date().replace(day=1) if reached else None,
        least=settings.payout_minimum,
    )


async def _find_out(context: Context, *, now: datetime, clock: datetime) -> None:
    before = clock - UNDER_WAY
    async with context.database.transaction() as session:
        orders = await outcomes.unanswered(session, before=before, limit=context.settings.sweep_batch)
        reversals = await reversing.unanswered(session, before=before, limit=context.settings.sweep_batch)
    await look_up(context, orders, now=now, clock=clock)
    try:
        await finish_reversals(context, reversals)
    except ProcessorUnavailable as error:
        log.warning("reversals.unknown", error=str(error))


async def _try_again(context: Context, sending: Sending, terms: Terms) -> None:
    while not sending.over:
        async with context.database.transaction() as session:
            orders, given_up = await outcomes.retried(session, terms, limit=context.settings.sweep_batch)
        if not orders and not given_up:
            return
        await sending.send(orders)


async def _pay_due(context: Context, sending: Sending, terms: Terms) -> None:
    after = None
    while not sending.over:
        async with context.database.transaction() as session:
            creators = await facts.creators_due(
                session, terms, after=after, limit=context.settings.payout_batch_creators
            )
            orders = await planning.plan(session, creators, terms, make_id=new_id) if creators else []
        if not creators:
            return
        await sending.send(orders)
        after = creators[-1]
