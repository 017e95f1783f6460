"""Every exception of ours has an answer for callers, or a reason why no caller meets it."""

import importlib
import pkgutil
from types import ModuleType

import billing
import search
import service
from service.http.problems import BY_STATUS, PROBLEMS, all_codes, problem_of

# Programs and parts that answer no caller of the service.
SKIPPED = ("billing.sandbox", "service.demo")

INTERNAL = {
    "service.platform.sealing.SealBroken": "caught by the idempotency that seals",
    "service.platform.postgres_runner.EmbeddedPostgresError": "stops a start, told on the command line",
    "service.platform.processes.FolderInUse": "stops a start, told on the command line",
    "service.platform.processes.PortInUse": "stops a start, told on the command line",
    "service.platform.embedded.UnsafeSettings": "stops a start, told on the command line",
    "service.platform.embedded.DataFolderUnusable": "stops a start, told on the command line",
    "service.platform.database.DatabaseUnreachable": "stops a start, told on the command line",
    "service.platform.migrating.SchemaOutdated": "stops a start, told on the command line",
    "search.engine.address.BadSearchURL": "stops a start, told on the command line",
    "service.supervisor.NotReady": "stops a start, told on the command line",
    "service.worker.WorkerStuck": "ends the worker's process",
    "service.cli.Refusal": "what the command line tells",
    "service.usecases.check_health.NoWorker": "what /health/ready names, never answered",
    "service.platform.egress.EgressRefused": "becomes why an endpoint is refused, or a try failed",
    "service.platform.egress.EgressFailed": "becomes why a try failed",
    "service.platform.egress.EgressTooLong": "becomes why a try failed",
    "service.platform.fetching.FetchFailed": "becomes the reason of a failed entry or source",
    "service.knowledge.sources.following.TooManySources": "becomes the reason of a failed entry",
    "service.mail.port.MailUnavailable": "puts a letter off",
    "service.mail.port.MailRefused": "ends a letter",
    "search.passages.embedder.EmbedderUnavailable": "retrieval goes on by words; the job is tried again",
    "search.passages.embedder.TextsRefused": "retrieval goes on by words; the text goes without a vector",
    "search.passages.reranker.RerankerUnavailable": "passages stay in their order",
    "service.platform.blobs.BlobMissing": "a fault of ours: a 500, logged",
    "service.answering.receipts.ReceiptForged": "said by the check that owners and the doctor run",
    "service.knowledge.importing.ChangedMeanwhile": "caught by the import, which reads the batch again",
    "service.knowledge.parsing.parsed.UnreadableFile": "becomes the reason of a failed document",
    "service.knowledge.parsing.isolation._HelperGone": "the helper is started again, or the file refused",
    "service.knowledge.parsing.archive_streams.ArchiveRefused": "becomes the reason of a failed import",
    "billing.ledger.journal.Unbalanced": "a fault of ours: a 500, logged",
    "service.usecases.end_contract.ContractEnding": "ends a job, which is tried again",
    "billing.processor.inbox.LaneLost": "ends a job, which is tried again",
    "billing.subscriptions.sales.SaleUnknown": "ends a job, which is tried again",
    "billing.shares.settling.EarlierInvoiceUnknown": "ends a job, which is tried again",
    "service.accounts.secrets.MalformedSecret": "answered as KeyMissing by the door's dependency",
}
"""Qualified names of exceptions that no caller meets, and why not."""


def _modules() -> list[ModuleType]:
    found = []
    for package in (billing, search, service):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not info.name.startswith(SKIPPED) and not info.name.endswith("__main__"):
                found.append(importlib.import_module(info.name))
    return found


def _exceptions() -> dict[str, type[Exception]]:
    return {
        f"{module.__name__}.{name}": value
        for module in _modules()
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module.__name__
    }


def test_every_exception_is_answered_or_internal() -> None:
    listed = set(PROBLEMS)
    forgotten = [
        name
        for name, kind in _exceptions().items()
        if not listed.intersection(kind.__mro__) and name not in INTERNAL
    ]
    assert forgotten == []


def test_every_internal_exception_still_exists_and_is_not_answered() -> None:
    exceptions = _exceptions()
    assert sorted(INTERNAL.keys() - exceptions.keys()) == []
    assert [name for name in INTERNAL if exceptions[name] in PROBLEMS] == []


def test_every_exception_says_when_it_is_raised() -> None:
    assert [name for name, kind in _exceptions().items() if not (kind.__doc__ or "").strip()] == []


def test_a_code_has_one_status() -> None:
    statuses: dict[str, set[int]] = {}
    for problem in [*BY_STATUS.values(), *PROBLEMS.values()]:
        statuses.setdefault(problem.code, set()).add(problem.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}
    assert set(all_codes()) == set(statuses)


def test_a_subclass_is_answered_as_its_base() -> None:
    for kind, problem in PROBLEMS.items():
        heir: type[Exception] = type("Heir", (kind,), {})
        assert problem_of(Exception.__new__(heir)) == problem
