"""Opens the gate of a process."""

import functools
from collections.abc import Sequence

import psycopg
import sqlalchemy.exc

from billing.metering.settling import Ending
from service.access.calls import Admission, Close
from service.answering.records import FinishedAnswer
from service.platform.batcher import Batcher
from service.platform.database import Database
from service.platform.settings import Settings
from service.usecases.admit_calls import admit_group
from service.usecases.gate import Gate
from service.usecases.settle_calls import end_group

SHARED = (
    sqlalchemy.exc.TimeoutError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    psycopg.OperationalError,
)
"""The database is not there: that is everyone's trouble, and no use in looking for the one to blame."""


def open_gate(database: Database, settings: Settings) -> Gate:
    """Queues in front of the database. Whoever left before its admission came gives the reservation back."""

    async def give_back(admissions: Sequence[Admission]) -> None:
        await end_group(
            database,
            settings,
            [
                Close(Ending(a.call_id, 0), FinishedAnswer(a.call_id, "failed"), a.reservation)
                for a in admissions
            ],
        )

    batcher = functools.partial(
        Batcher,
        size=settings.gate_batch_size,
        groups=settings.gate_groups,
        queue_limit=settings.gate_queue_limit,
        wait=settings.gate_wait_milliseconds / 1000,
        shared=SHARED,
    )
    return Gate(
        admissions=batcher(functools.partial(admit_group, database, settings), unclaimed=give_back),
        endings=batcher(functools.partial(end_group, database, settings)),
    )
