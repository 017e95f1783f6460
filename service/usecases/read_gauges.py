"""What metrics tell that is not counted in this process: how the work stands in the database."""

from dataclasses import dataclass

import sqlalchemy as sa

from service.platform import alarms, findings
from service.usecases.context import Context
from service.usecases.invariants.catalog import INVARIANTS
from service.usecases.work_dead_letters import count_dead_letters

_INBOX = sa.text(
    """
    SELECT count(*) AS waiting,
           coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0) AS oldest
    FROM stripe_event WHERE status = 'stored'
    """
)
_LAG = sa.text(
    """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0) FROM stripe_event
    WHERE status = 'stored' AND due_at <= clock_timestamp()
    """
)
_JOBS = sa.text(
    """
    SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(scheduled_at)), 0) AS oldest
    FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
    """
)
_UNPOSTED = sa.text(
    """
    SELECT count(*) AS lines, coalesce(extract(epoch FROM now() - min(read_at)), 0) AS oldest
    FROM balance_transaction WHERE matched_at IS NULL
    """
)

_OUTGOING = sa.text(
    """
    SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(next_at)), 0) AS late
    FROM webhook_delivery WHERE state = 'waiting'
    """
)
_LETTERS = sa.text(
    """
    SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(next_at)), 0) AS late
    FROM letter WHERE state = 'waiting'
    """
)


@dataclass(frozen=True)
class Gauge:
    """``name`` and ``help`` as Prometheus has them; ``samples`` by the value of the one label, if any."""

    name: str
    help: str
    samples: dict[str, float]
    label: str | None = None


async def read_gauges(context: Context) -> list[Gauge]:
    """All of them now. Each costs what is open, not what there ever was."""
    async with context.database.reading() as connection:
        inbox = (await connection.execute(_INBOX)).one()
        lag = float((await connection.execute(_LAG)).scalar_one())
        jobs = (await connection.execute(_JOBS)).one()
        outgoing = (await connection.execute(_OUTGOING)).one()
        letters = (await connection.execute(_LETTERS)).one()
        unposted = (await connection.execute(_UNPOSTED)).one()
        checks = await findings.kept(connection)
        raised = await alarms.alarms(connection)
    dead = await count_dead_letters(context)
    by_alarm: dict[str, float] = {}
    for alarm in raised:
        by_alarm[alarm.name] = by_alarm.get(alarm.name, 0) + alarm.times
    whole = [checks[each.name].checked_at for each in INVARIANTS if not each.quick and each.name in checks]
    return [
        Gauge(
            "zhihao_invariant_faults",
            "What each check of the doctor found when it ran last, 20 at most.",
            {name: len(check.faults) for name, check in sorted(checks.items())},
            "check",
        ),
        Gauge(
            "zhihao_invariants_checked_timestamp_seconds",
            "When the checks ran last: any of them, and all of them.",
            {
                "any": max((check.checked_at.timestamp() for check in checks.values()), default=0),
                "all": min((at.timestamp() for at in whole), default=0),
            },
            "which",
        ),
        Gauge("zhihao_alarms", "Alarms raised, ever.", by_alarm, "alarm"),
        Gauge(
            "zhihao_dead_letters",
            "Work that was given up.",
            {str(kind): count for kind, count in dead.items()},
            "kind",
        ),
        Gauge("zhihao_inbox_waiting", "Events of Stripe's not worked yet.", {"": inbox.waiting}),
        Gauge("zhihao_inbox_oldest_seconds", "The age of the oldest of them.", {"": float(inbox.oldest)}),
        Gauge("zhihao_inbox_lag_seconds", "How long one has been due.", {"": lag}),
        Gauge("zhihao_webhooks_waiting", "Deliveries to endpoints to come.", {"": outgoing.waiting}),
        Gauge("zhihao_webhooks_late_seconds", "How long one is due.", {"": max(float(outgoing.late), 0)}),
        Gauge("zhihao_letters_waiting", "Letters to be sent.", {"": letters.waiting}),
        Gauge("zhihao_letters_late_seconds", "How long one is due.", {"": max(float(letters.late), 0)}),
        Gauge("zhihao_jobs_waiting", "Jobs that could run now.", {"": jobs.waiting}),
        Gauge("zhihao_unposted_lines", "Of Stripe's balance, not in the ledger.", {"": unposted.lines}),
        Gauge("zhihao_unposted_oldest_seconds", "The oldest of them.", {"": float(unposted.oldest)}),
    ]
