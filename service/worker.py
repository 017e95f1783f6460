"""The background worker: binds the names of jobs to use cases, and says which run by the clock.

A job that fails is tried again with growing waits; one whose worker died is found by its missing
heartbeat and tried again. So every job is written to be run twice.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import procrastinate
import structlog
from opentelemetry import trace
from procrastinate import BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

from service.platform.collecting import collect_seldom
from service.platform.jobs import QUEUE
from service.platform.settings import Settings
from service.usecases.alert_spending import alert_spending
from service.usecases.balance_sale import balance_sale
from service.usecases.close_checkouts import close_checkouts
from service.usecases.close_months import close_months
from service.usecases.context import Context
from service.usecases.deliver_webhooks import deliver_webhooks
from service.usecases.embed_passages import embed_passages
from service.usecases.end_contract import finish_contract
from service.usecases.end_renewals import end_renewals
from service.usecases.erase_account import end_subscription
from service.usecases.expire_reservations import expire_reservations
from service.usecases.export_account import export_account
from service.usecases.fetch_import import fetch_import
from service.usecases.finish_refund import end_given_back, finish_refund, sweep_refunds
from service.usecases.follow_sources import check_source, follow_sources
from service.usecases.free_included import free_included
from service.usecases.import_documents import import_documents
from service.usecases.index_card import index_card, rebuild_cards
from service.usecases.index_document import index_document
from service.usecases.notify_renewals import notify_renewals
from service.usecases.package_knowledge_base import suggest_packaging
from service.usecases.pay_creators import pay_creators
from service.usecases.prepare_partitions import prepare_partitions
from service.usecases.prove_email import send_password_reset
from service.usecases.purge_expired import purge_expired
from service.usecases.read_outline import draw_outlines
from service.usecases.rebuild_index import drop_index, rebuild_index
from service.usecases.reconcile_usage import reconcile_usage
from service.usecases.record_transfer import tell_payouts
from service.usecases.refresh_popularity import refresh_popularity
from service.usecases.report_usage import report_usage
from service.usecases.reprice_plan import tell_price_change
from service.usecases.send_letters import send_letters
from service.usecases.settle_change import settle_change, sweep_changes
from service.usecases.settle_stripe_event import settle_stripe_events
from service.usecases.sweep_payout_accounts import sweep_payout_accounts
from service.usecases.sweep_stripe_events import sweep_stripe_events
from service.usecases.watch_invariants import watch_invariants
from service.wiring import wired

log = structlog.get_logger(__name__)
tracer = trace.get_tracer("zhihao")

STUCK_SECONDS = 2.0
"""How long a worker that stopped by itself may take to end."""

UseCase = Callable[..., Awaitable[object]]

JOBS: Mapping[str, UseCase] = {
    "import_documents": import_documents,
    "fetch_import": fetch_import,
    "follow_sources": follow_sources,
    "check_source": check_source,
    "index_document": index_document,
    "embed_passages": embed_passages,
    "rebuild_index": rebuild_index,
    "drop_index": drop_index,
    "draw_outlines": draw_outlines,
    "suggest_packaging": suggest_packaging,
    "index_card": index_card,
    "rebuild_cards": rebuild_cards,
    "expire_reservations": expire_reservations,
    "free_included": free_included,
    "alert_spending": alert_spending,
    "prepare_partitions": prepare_partitions,
    "finish_contract": finish_contract,
    "reconcile_usage": reconcile_usage,
    "report_usage": report_usage,
    "export_account": export_account,
    "end_subscription": end_subscription,
    "end_renewals": end_renewals,
    "finish_refund": finish_refund,
    "sweep_refunds": sweep_refunds,
    "end_given_back": end_given_back,
    "close_checkouts": close_checkouts,
    "close_months": close_months,
    "watch_invariants": watch_invariants,
    "refresh_popularity": refresh_popularity,
    "settle_change": settle_change,
    "sweep_changes": sweep_changes,
    "tell_price_change": tell_price_change,
    "settle_stripe_events": settle_stripe_events,
    "sweep_stripe_events": sweep_stripe_events,
    "sweep_payout_accounts": sweep_payout_accounts,
    "pay_creators": pay_creators,
    "balance_sale": balance_sale,
    "tell_payouts": tell_payouts,
    "deliver_webhooks": deliver_webhooks,
    "send_letters": send_letters,
    "send_password_reset": send_password_reset,
    "notify_renewals": notify_renewals,
    "purge_expired": purge_expired,
}
"""Each is called as ``await use_case(context, **args)``."""


@dataclass(frozen=True)
class Periodic:
    """A job without arguments that is deferred every ``seconds``, by one worker of all."""

    name: str
    seconds: Callable[[Settings], int]


PERIODIC: tuple[Periodic, ...] = (
    Periodic("sweep_stripe_events", lambda settings: settings.webhook_sweep_seconds),
    Periodic("sweep_payout_accounts", lambda settings: settings.webhook_sweep_seconds),
    Periodic("expire_reservations", lambda settings: settings.reservation_sweep_seconds),
    Periodic("report_usage", lambda settings: settings.usage_report_seconds),
    Periodic("reconcile_usage", lambda settings: settings.usage_check_seconds),
    Periodic("prepare_partitions", lambda settings: settings.partition_seconds),
    Periodic("sweep_changes", lambda settings: settings.change_sweep_seconds),
    Periodic("sweep_refunds", lambda settings: settings.refund_sweep_seconds),
    Periodic("close_months", lambda settings: settings.pool_sweep_seconds),
    Periodic("pay_creators", lambda settings: settings.payout_run_seconds),
    Periodic("deliver_webhooks", lambda settings: settings.outgoing_sweep_seconds),
    Periodic("follow_sources", lambda settings: settings.source_sweep_seconds),
    Periodic("notify_renewals", lambda settings: settings.renewal_notice_seconds),
    Periodic("send_letters", lambda settings: settings.mail_sweep_seconds),
    Periodic("watch_invariants", lambda settings: settings.invariant_check_seconds),
    Periodic("refresh_popularity", lambda settings: settings.popularity_refresh_seconds),
    Periodic("purge_expired", lambda settings: settings.purge_seconds),
)


class Patience(BaseRetryStrategy):
    """Waits 1, 3, 9, … seconds and then five minutes each time, for some three days: what a job leans on
    may be down for hours, and comes back without anybody telling the job."""

    MOST_ATTEMPTS = 900
    LONGEST_SECONDS = 300

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if job.attempts >= self.MOST_ATTEMPTS:
            return None
        return RetryDecision(retry_in={"seconds": min(3 ** min(job.attempts, 9), self.LONGEST_SECONDS)})


def every(seconds: int) -> str:
    """The cron line, with a sixth field of seconds, of an interval that divides its minute, hour or day."""
    if seconds < 60:
        return f"* * * * * */{seconds}"
    if seconds < 3600:
        return f"*/{seconds // 60} * * * *"
    return f"0 */{seconds // 3600} * * *"


class Jobs(JobManager):
    """procrastinate's own, but for a job to be tried again while its like waits under the same queueing lock.

    There a retry violates the lock's unique index: the job would stay in hand for good, and with it all that
    share its ``lock``, the one that waits among them. That one sees the newest state: it does the work of
    both, at the time of whichever was to be sooner.
    """

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        try:
            await super().retry_job(job, retry_at=retry_at, priority=priority, queue=queue, lock=lock)
        except UniqueViolation:
            await self.connector.execute_query_async(
                "UPDATE procrastinate_jobs SET scheduled_at = least(scheduled_at, %(at)s)"
                " WHERE queueing_lock = %(queueing_lock)s AND status = 'todo' AND scheduled_at IS NOT NULL",
                at=retry_at or datetime.now(UTC),
                queueing_lock=job.queueing_lock,
            )
            await self.finish_job(job, status=Status.FAILED, delete_job=True)
            log.warning("job.merged", job=job.task_name, id=job.id)


def build(context: Context) -> procrastinate.App:
    """A procrastinate app whose tasks are the use cases of ``JOBS``, bound to ``context``."""
    settings = context.settings
    connector = PsycopgConnector(
        conninfo=settings.database_url, min_size=1, max_size=settings.job_concurrency + 2
    )
    app = procrastinate.App(connector=connector)
    app.job_manager = Jobs(app.connector)
    for name, use_case in JOBS.items():
        app.task(name=name, queue=QUEUE, retry=Patience())(_bound(context, name, use_case))
    for job in PERIODIC:
        task = app.task(name=f"periodic.{job.name}", queue=QUEUE, queueing_lock=f"periodic.{job.name}")(
            _bound(context, job.name, JOBS[job.name], periodic=True)
        )
        app.periodic(cron=every(job.seconds(settings)))(task)

    @app.periodic(cron=every(int(settings.job_stalled_seconds)))
    @app.task(
        name="periodic.retry_stalled", queue=QUEUE, queueing_lock="periodic.retry_stalled", pass_context=True
    )
    async def retry_stalled(job: JobContext, timestamp: int) -> None:
        manager = job.app.job_manager
        for stalled in await manager.get_stalled_jobs(seconds_since_heartbeat=settings.job_stalled_seconds):
            log.warning("job.stalled", job=stalled.task_name, id=stalled.id)
            await manager.retry_job(stalled)

    return app


def _bound(context: Context, name: str, use_case: UseCase, *, periodic: bool = False) -> UseCase:
    async def run(*_timestamp: int, **args: Any) -> None:
        with tracer.start_as_current_span(f"job {name}", kind=trace.SpanKind.CONSUMER):
            try:
                await use_case(context, **({} if periodic else args))
            except Exception:
                log.exception("job.failed", job=name, args=args)
                raise

    return run


class WorkerStuck(Exception):
    """procrastinate stopped itself, as when the database went away, and did not come to an end."""


class _Watched(Worker):
    """Says when it was told to stop, by whomever: a failed listener stops it from within."""

    told_to_stop: asyncio.Event

    def stop(self) -> None:
        super().stop()  # type: ignore[no-untyped-call] # untyped there
        self.told_to_stop.set()


async def work(app: procrastinate.App, settings: Settings, stop: asyncio.Event) -> None:
    """Runs jobs until ``stop``; what runs then is given ``drain_seconds`` to end.

    Raises ``WorkerStuck`` when it stopped by itself and hangs: it was seen to wait forever on connections
    that a killed PostgreSQL had left behind. Its jobs are found by their missing heartbeat.
    """
    worker = _Watched(
        app,
        queues=[QUEUE],
        concurrency=settings.job_concurrency,
        fetch_job_polling_interval=settings.job_poll_seconds,
        update_heartbeat_interval=settings.job_heartbeat_seconds,
        stalled_worker_timeout=settings.job_stalled_seconds,
        shutdown_graceful_timeout=settings.drain_seconds,
        delete_jobs="successful",
        install_signal_handlers=False,
    )
    worker.told_to_stop = asyncio.Event()
    running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call] # untyped there
    stopping = asyncio.create_task(stop.wait())
    stopped = asyncio.create_task(worker.told_to_stop.wait())
    await asyncio.wait({running, stopping, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stopped.done() and not stop.is_set():
        await asyncio.wait({running}, timeout=STUCK_SECONDS)
        if not running.done():
            raise WorkerStuck("The worker stopped by itself and does not end.")
    stopped.cancel()
    if not running.done():
        running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        return


async def serve_jobs(settings: Settings) -> None:
    """The whole worker process: runs until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    collect_seldom()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    async with AsyncExitStack() as stack:
        context = await stack.enter_async_context(wired(settings))
        app = build(context)
        await stack.enter_async_context(app.open_async())
        log.info("worker.started", jobs=len(JOBS))
        try:
            await work(app, settings, stop)
        except WorkerStuck as error:
            # What hangs would hang the closing too. The supervisor starts another.
            log.error("worker.stuck", reason=str(error))
            os._exit(1)
        log.info("worker.stopped")
