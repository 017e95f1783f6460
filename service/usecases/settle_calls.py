"""Settles admitted calls, in groups: usage event, counters, bucket and finished answer in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering import counters, reservations, usage
from billing.metering.bills import Rates, asking_on_top
from billing.metering.counters import Counter, Place
from billing.metering.planning import by_index
from billing.metering.reservations import Reservation, ReservationExpired
from billing.metering.settling import (
    Changes,
    Ending,
    Settled,
    marks,
    plain,
    settle,
    tell_rooms,
)
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
    known = {c.ending.call_id: c.reservation for c in closes if c.reservation is not None}
    if all(plain(known.get(close.ending.call_id)) for close in closes):
        try:
            return await _end_known(database, settings, closes, known)
        except (ReservationExpired, psycopg.IntegrityError):
            known = {}
    return await _end_read(database, settings, closes, known)


async def _end_known(
    database: Database, settings: Settings, closes: Sequence[Close], held: dict[UUID, Reservation]
) -> list[Settled | ReservationExpired]:
    """What is to be written is known before anything is read: it holds if every call is still held."""
    async with database.transaction() as session:
        connection = await driver_connection(session)
        rates = await _rates(connection, settings, held.values())
        results, changes = settle([close.ending for close in closes], held, {}, rates)
        async with connection.pipeline():
            await by_index(connection)
            ended = await reservations.end(connection, changes.ended)
            moved = await counters.move(connection, changes.deltas)
            counted = await usage.count(connection, changes.buckets)
        if ended is None or ended.rowcount != len(changes.ended):
            raise ReservationExpired("a call that was thought to be held has ended")
        await usage.read_counted(counted, changes.buckets)
        await _finish(session, settings, closes, results, changes, held, await counters.read_moved(moved))
    return results


async def _end_read(
    database: Database, settings: Settings, closes: Sequence[Close], known: dict[UUID, Reservation]
) -> list[Settled | ReservationExpired]:
    """As it is stored: for calls whose admission is not at hand, and those that include units."""
    async with database.transaction() as session:
        connection = await driver_connection(session)
        billed = [close.ending.call_id for close in closes if close.ending.units]
        async with connection.pipeline():
            await by_index(connection)
            own = await facts.ask_own_creators(connection, billed)
            held, locked = await reservations.lock(
                connection, [close.ending.call_id for close in closes], known
            )
        rates = await _rates(connection, settings, held.values())
        results, changes = settle(
            [close.ending for close in closes], held, locked, rates, await facts.read_own_creators(own)
        )
        async with connection.pipeline():
            await reservations.end(connection, changes.ended)
            await counters.move(connection, changes.deltas)
            counted = await usage.count(connection, changes.buckets)
        await usage.read_counted(counted, changes.buckets)
        await _finish(session, settings, closes, results, changes, held, locked)
    return results


async def _rates(
    connection: AsyncConnection[Any], settings: Settings, held: Collection[Reservation]
) -> Rates:
    asking = asking_on_top(held)
    agreed = await take_rates_bps(connection, asking, default=settings.take_rate_bps) if asking else {}
    return Rates(settings.creator_metered_share_bps, settings.take_rate_bps, agreed, settings.share_own_bps)


async def _finish(
    session: AsyncSession,
    settings: Settings,
    closes: Sequence[Close],
    results: Sequence[Settled | ReservationExpired],
    changes: Changes,
    held: Mapping[UUID, Reservation],
    moved: Mapping[Place, Counter],
) -> None:
    """What follows from the end of the calls: told, looked at later, written as usage and as answers."""
    tell_rooms(results, [close.ending for close in closes], held, moved)
    await free_soon(session, changes.freed)
    await alert_soon(session, marks(changes.deltas, moved, settings.alert_percents))
    answers = [
        close.answer
        for close, result in zip(closes, results, strict=True)
        if close.answer is not None and not isinstance(result, ReservationExpired)
    ]
    connection = await driver_connection(session)
    async with connection.pipeline():
        await usage.record(connection, changes.bills)
        await finish(connection, answers)
