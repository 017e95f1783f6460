"""Settles admitted calls, in groups: usage event, counters, bucket and finished answer in one transaction."""

from collections.abc import Sequence

from billing.metering import counters, reservations, usage
from billing.metering.reservations import ReservationExpired
from billing.metering.settling import Ending, Rates, Settled, asking_on_top, settle
from billing.rates.take import take_rates_bps
from service.access import facts
from service.access.calls import Admission, Close, Outcome, Settlement
from service.answering.records import FinishedAnswer, finish
from service.platform.database import Database
from service.platform.driver import driver_connection
from service.platform.settings import Settings
from service.usecases.admit_calls import LOST
from service.usecases.alert_spending import alert_soon
from service.usecases.context import Context
from service.usecases.free_included import free_soon

__all__ = ["Outcome", "Settlement", "end_group", "release_call", "settle_call"]


async def settle_call(context: Context, admission: Admission, outcome: Outcome) -> Settlement:
    """Bills what the call came to; with ``units=0`` its reservation is given back, unbilled.

    Idempotent by call id. Raises ``billing.metering.reservations.ReservationExpired`` when the reservation
    has run out meanwhile: nothing is billed and the answer is not finished. ``Overloaded`` as any caller.
    """
    drawn_from = {base: outcome.citations.get(base, 1) for base in outcome.drawn_from}
    ending = Ending(admission.call_id, outcome.units, drawn_from)
    settled = await _end(context, Close(ending, outcome.answer, admission.reservation))
    free = admission.remaining_free
    return Settlement(
        billed_units=settled.units,
        amount=settled.amount,
        cap_remaining=settled.cap_remaining,
        remaining_free=None if free is None else free + settled.given_back,
    )


async def release_call(context: Context, admission: Admission, answer: FinishedAnswer | None = None) -> None:
    """Gives the reservation back, unbilled, and finishes the answer row if one is handed in. Idempotent."""
    await _end(context, Close(Ending(admission.call_id, 0), answer, admission.reservation))


async def _end(context: Context, close: Close) -> Settled:
    if context.gate is not None:
        return await context.gate.endings.submit(close)
    (result,) = await end_group(context.database, context.settings, [close])
    if isinstance(result, Exception):
        raise result
    return result


async def end_group(
    database: Database, settings: Settings, closes: Sequence[Close]
) -> list[Settled | ReservationExpired]:
    """The end of each call, in order, committed. Ending is idempotent, so a lost COMMIT is tried again."""
    try:
        return await _end_group(database, settings, closes)
    except LOST:
        return await _end_group(database, settings, closes)


async def _end_group(
    database: Database, settings: Settings, closes: Sequence[Close]
) -> list[Settled | ReservationExpired]:
    async with database.transaction() as session:
        connection = await driver_connection(session)
        billed = [close.ending.call_id for close in closes if close.ending.units]
        async with connection.pipeline():
            own = await facts.ask_own_creators(connection, billed)
            held, locked = await reservations.lock(
                connection,
                [close.ending.call_id for close in closes],
                {c.ending.call_id: c.reservation for c in closes if c.reservation is not None},
            )
        agreed = {}
        if asking := asking_on_top(held.values()):
            agreed = await take_rates_bps(connection, asking, default=settings.take_rate_bps)
        rates = Rates(
            settings.creator_metered_share_bps, settings.take_rate_bps, agreed, settings.share_own_bps
        )
        results, changes = settle(
            [close.ending for close in closes],
            held,
            locked,
            rates,
            await facts.read_own_creators(own),
            settings.alert_percents,
        )
        async with connection.pipeline():
            await reservations.end(connection, changes.ended)
            await counters.move(connection, changes.deltas)
            await usage.record(connection, changes.bills, changes.buckets)
        await free_soon(session, changes.freed)
        await alert_soon(session, changes.passed)
        await finish(
            session,
            [
                close.answer
                for close, result in zip(closes, results, strict=True)
                if close.answer is not None and not isinstance(result, ReservationExpired)
            ],
        )
    return results
