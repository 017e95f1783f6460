"""What operators do: answer reports, suspend and restore accounts, read the audit log."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from service.accounts.audit import AuditEntry
from service.accounts.reports import Report, Status
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of, position_of
from service.platform.idempotency import Once
from service.usecases import moderate, read_audit_log
from service.usecases.context import Context


class ReportAnswer(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the reporter is told."""

    answer: Annotated[str, Meta(min_length=1, max_length=5000)]
    status: Literal["answered", "dismissed"] = "answered"


@get("/reports")
async def list_reports(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    status: FromQuery[Status | None] = None,
) -> Page[Report]:
    """Everybody's reports, newest first."""
    bound = f"reports {status} {operator.account_id}"
    rows = await moderate.list_reports(
        context, status=status, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@post("/reports/{report_id:uuid}/answer", status_code=200)
async def answer_report(
    report_id: FromPath[UUID],
    data: JSONBody[ReportAnswer],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Report:
    """Answers a report, or answers it otherwise."""
    return await moderate.answer_report(
        context,
        report_id=report_id,
        operator_id=operator.account_id,
        answer=data.answer,
        status=data.status,
        once=once,
    )


@post("/accounts/{account_id:uuid}/suspend", status_code=204)
async def suspend_account(
    account_id: FromPath[UUID],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> None:
    """Signs an account out for good, takes its knowledge bases off the square and freezes its payouts."""
    await moderate.suspend_account(context, account_id=account_id, operator_id=operator.account_id, once=once)


@post("/accounts/{account_id:uuid}/restore", status_code=204)
async def restore_account(
    account_id: FromPath[UUID],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> None:
    """Takes a suspension back."""
    await moderate.restore_account(context, account_id=account_id, operator_id=operator.account_id, once=once)


@post("/accounts/{account_id:uuid}/payouts/freeze", status_code=204)
async def freeze_payouts(
    account_id: FromPath[UUID],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> None:
    """Pays a creator nothing more; sales go on, and what is earned waits."""
    await moderate.freeze_payouts(context, account_id=account_id, operator_id=operator.account_id, once=once)


@post("/accounts/{account_id:uuid}/payouts/unfreeze", status_code=204)
async def unfreeze_payouts(
    account_id: FromPath[UUID],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> None:
    """Lets payouts go on, unless the account is suspended."""
    await moderate.unfreeze_payouts(
        context, account_id=account_id, operator_id=operator.account_id, once=once
    )


@get("/audit-log")
async def read_audit(
    operator: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[AuditEntry]:
    """Everything that anybody did, newest first."""
    bound = f"audit of all {operator.account_id}"
    rows = await read_audit_log.read_audit_log(
        context, before=place_of(page, bound, int), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


handlers = [
    list_reports,
    answer_report,
    suspend_account,
    restore_account,
    freeze_payouts,
    unfreeze_payouts,
    read_audit,
]
