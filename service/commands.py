"""What the commands beside ``serve`` do. Each brings a worker of its own, so that it needs no running service
and gets on with one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from billing.processor.port import ProcessorUnavailable
from service.mail.files import letters_in, read_letter
from service.platform.ids import new_id
from service.platform.settings import Settings
from service.usecases.await_jobs import await_jobs
from service.usecases.check_invariants import check_invariants
from service.usecases.context import Context
from service.usecases.import_documents import watch_import
from service.usecases.import_file import import_file
from service.usecases.rebuild_index import reindex
from service.usecases.recompute_grants import recompute_grants
from service.usecases.reconcile_balance import reconcile_balance
from service.wiring import wired
from service.worker import build, work

LOOK_SECONDS = 0.2


@asynccontextmanager
async def _working(settings: Settings) -> AsyncIterator[Context]:
    """A context with a worker beside it for the length of the block."""
    async with wired(settings) as context:
        app = build(context)
        async with app.open_async():
            stop = asyncio.Event()
            worker = asyncio.create_task(work(app, settings, stop))
            try:
                yield context
            finally:
                stop.set()
                await worker


async def import_into(settings: Settings, file: Path, knowledge_base: str, console: Console) -> bool:
    """Imports ``file``, showing how far it is; whether all came in. Raises ``KnowledgeBaseNotFound``."""
    async with _working(settings) as context:
        id = new_id()
        await import_file(context, id=id, knowledge_base=knowledge_base, file=file)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task(file.name, total=None)
            async for state in watch_import(context, id=id, account_id=None, seconds=LOOK_SECONDS):
                progress.update(bar, total=state.total or None, completed=state.done)
    for failed in state.failed:
        console.print(f"[red]failed[/] {failed.name}: {failed.detail} ({failed.code})", markup=True)
    console.print(f"{state.done} of {state.total} entries are searchable.")
    return state.status == "done" and not state.failed


async def rebuild(settings: Settings, knowledge_base: str | None, console: Console) -> None:
    """Rebuilds one index, by id or slug, or all and the square. Raises ``KnowledgeBaseNotFound``."""
    async with _working(settings) as context:
        count = await reindex(context, knowledge_base=knowledge_base)
        with console.status(f"Rebuilding {count} indexes"):
            await await_jobs(context, seconds=LOOK_SECONDS)
    console.print(f"Rebuilt {count} indexes.")


async def recompute(settings: Settings, console: Console, *, fix: bool) -> bool:
    """Computes every grant again and says which differ, or with ``fix`` mends them; whether all is well."""
    async with wired(settings) as context:
        done = await recompute_grants(context, fix=fix)
    for fault in done.faults:
        console.print(fault, markup=False, soft_wrap=True)
    console.print(f"{len(done.faults)} grants differ from their sources, {done.fixed} mended.")
    return len(done.faults) == done.fixed


async def examine(settings: Settings, console: Console) -> bool:
    """Checks every invariant on live data and prints what it finds; whether all is well."""
    async with wired(settings) as context:
        try:
            await reconcile_balance(context)
        except ProcessorUnavailable:
            console.print("The payment processor does not answer: its balance is taken as last read.")
        findings = await check_invariants(context)
    for finding in findings:
        mark = "[red]wrong[/]" if finding.faults else "[green]ok[/]"
        console.print(f"{mark} {finding.name}: {finding.sentence}", soft_wrap=True)
        for fault in finding.faults:
            console.print(f"   {fault}", markup=False, soft_wrap=True)
    wrong = sum(1 for finding in findings if finding.faults)
    console.print(f"{len(findings)} checks, {wrong} with faults.")
    return not wrong


def show_letters(settings: Settings, console: Console, *, to: str | None, last: int, whole: bool) -> None:
    """Lists the newest ``last`` letters that were written as files, oldest first; ``whole``: with their text.

    ``to`` is a part of an address. Where letters leave by SMTP there are none here, and it says so.
    """
    if settings.mail_smtp_host:
        console.print(f"Letters leave by {settings.mail_smtp_host}; those below were written before.")
    letters = [read_letter(path) for path in letters_in(settings.mail_dir)]
    found = [letter for letter in letters if to is None or to.casefold() in letter.to.casefold()]
    shown = found[-last:]
    for letter in shown:
        line = f"{letter.written_at:%Y-%m-%d %H:%M:%S}  {letter.to}  {letter.subject}"
        console.print(line, markup=False, soft_wrap=True)
        if whole:
            console.print(f"\n{letter.text.strip()}\n", markup=False, soft_wrap=True)
    told = f"{len(shown)} of {len(found)} letters, in {settings.mail_dir}"
    console.print(told, markup=False, soft_wrap=True)
