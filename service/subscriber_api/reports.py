"""Readers tell the operators about a knowledge base."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from service.accounts.reports import Report
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import moderate
from service.usecases.context import Context


class NewReport(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`reason` is a word or two, `detail` the story."""

    knowledge_base_id: UUID
    reason: Annotated[str, Meta(min_length=1, max_length=100)]
    detail: Annotated[str, Meta(max_length=5000)] = ""


@post("/reports", tags=["reports"])
async def report(
    data: JSONBody[NewReport],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Report:
    """Reports a knowledge base to the operators."""
    return await moderate.report_knowledge_base(
        context,
        report_id=new_id(),
        knowledge_base_id=data.knowledge_base_id,
        reporter_id=person.account_id,
        reason=data.reason,
        detail=data.detail,
        once=once,
    )


@get("/reports", tags=["reports"])
async def list_own_reports(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[Report]:
    """Your reports and what was answered, newest first."""
    bound = f"own reports {person.account_id}"
    rows = await moderate.list_reports(
        context, reporter_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


handlers = [report, list_own_reports]
