"""The doctor on a schedule: quick checks often, all of them once a day; what they find is kept and told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from billing.processor.port import ProcessorUnavailable
from service.platform import alarms, findings
from service.platform.alarms import Alarm as Alarm
from service.platform.findings import Checked
from service.usecases.check_invariants import check_invariants
from service.usecases.context import Context
from service.usecases.invariants.catalog import INVARIANTS
from service.usecases.reconcile_balance import reconcile_balance

log = structlog.get_logger(__name__)

QUICK = tuple(invariant for invariant in INVARIANTS if invariant.quick)


@dataclass(frozen=True)
class InvariantHealth:
    """``quick`` ones are checked often. ``checked_at`` None: not since it came to be."""

    name: str
    sentence: str
    quick: bool
    faults: list[str]
    checked_at: datetime | None


@dataclass(frozen=True)
class ServiceHealth:
    """``holds``: every invariant held when it was checked last."""

    holds: bool
    invariants: list[InvariantHealth]
    alarms: list[Alarm]


async def watch_invariants(context: Context) -> None:
    """The job of the clock. An invariant that is broken is logged as an error each time it is found so.

    The balance at the processor is read first; while it cannot be, it is compared as far as it was.
    """
    try:
        await reconcile_balance(context)
    except ProcessorUnavailable as error:
        log.warning("balance.not_read", error=str(error))
    async with context.database.reading() as connection:
        known = await findings.kept(connection)
        now: datetime = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    whole = timedelta(seconds=context.settings.invariant_check_all_seconds)
    found = await check_invariants(context, INVARIANTS if _all_due(known, now - whole) else QUICK)
    for finding in found:
        if finding.faults:
            log.error("invariant.broken", check=finding.name, faults=finding.faults)
    async with context.database.transaction() as session:
        await findings.keep(session, {finding.name: finding.faults for finding in found})
        await findings.forget_others(session, [invariant.name for invariant in INVARIANTS])
    log.info("invariants.checked", checks=len(found), broken=sum(1 for each in found if each.faults))


def _all_due(known: Mapping[str, Checked], before: datetime) -> bool:
    """Whether any check was last made before then. A minute's grace keeps a daily run daily."""
    return any(
        (checked := known.get(invariant.name)) is None or checked.checked_at < before + timedelta(minutes=1)
        for invariant in INVARIANTS
    )


async def read_health(context: Context) -> ServiceHealth:
    """What the checks found when they ran last, and every alarm."""
    async with context.database.reading() as connection:
        known = await findings.kept(connection)
        raised = await alarms.alarms(connection)
    told = [
        InvariantHealth(
            name=invariant.name,
            sentence=invariant.sentence,
            quick=invariant.quick,
            faults=known[invariant.name].faults if invariant.name in known else [],
            checked_at=known[invariant.name].checked_at if invariant.name in known else None,
        )
        for invariant in INVARIANTS
    ]
    return ServiceHealth(not any(each.faults for each in told), told, raised)
