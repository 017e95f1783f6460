"""Settles admitted calls, in groups: usage event, counters, bucket and finished answer in one transaction."""

from service.access.calls import Admission, Outcome, Settlement
from service.answering.records import FinishedAnswer
from service.usecases.context import Context

__all__ = ["Outcome", "Settlement", "release_call", "settle_call"]


async def settle_call(context: Context, admission: Admission, outcome: Outcome) -> Settlement:
    """Bills what the call came to; with ``units=0`` its reservation is given back, unbilled.

    Idempotent by call id. Raises ``billing.metering.reservations.ReservationExpired`` when the reservation
    has run out meanwhile: nothing is billed and the answer is not finished.
    """
    raise NotImplementedError


async def release_call(context: Context, admission: Admission, answer: FinishedAnswer | None = None) -> None:
    """Gives the reservation back, unbilled, and finishes the answer row if one is handed in. Idempotent."""
    raise NotImplementedError
