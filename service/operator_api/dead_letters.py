"""Dead letters: what was given up, why, and having it done again."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of
from service.platform.idempotency import Once
from service.usecases import work_dead_letters
from service.usecases.context import Context
from service.usecases.work_dead_letters import DeadLetter, Sort


class AllOfASort(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The newest thousand dead letters of one sort."""

    kind: Sort


class WorkedAgain(msgspec.Struct, kw_only=True):
    """How many were taken up again."""

    count: Annotated[int, Meta(ge=0)]


@get("/dead-letters")
async def list_dead_letters(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    kind: FromQuery[Sort | None] = None,
) -> Page[DeadLetter]:
    """Newest first, of one sort or of all."""
    bound = f"dead letters {kind} {operator.account_id}"
    before = place_of(page, bound, lambda at, sort, id: (datetime.fromisoformat(at), str(sort), str(id)))
    rows = await work_dead_letters.list_dead_letters(context, kind=kind, before=before, limit=page.limit + 1)
    return paged(rows, page, bound, position=lambda row: (row.at, row.kind, row.id))


@post("/dead-letters/{kind:str}/{letter_id:str}/retry", status_code=200)
async def work_again(
    kind: FromPath[Sort],
    letter_id: FromPath[str],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> WorkedAgain:
    """Has it done again, as if it had just come in."""
    count = await work_dead_letters.work_again(
        context, kind=kind, id=letter_id, operator_id=operator.account_id, once=once
    )
    return WorkedAgain(count=count)


@post("/dead-letters/retry", status_code=200)
async def work_all_again(
    data: JSONBody[AllOfASort],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> WorkedAgain:
    """Has all of one sort done again, at most a thousand a call."""
    count = await work_dead_letters.work_again(
        context, kind=data.kind, id=None, operator_id=operator.account_id, once=once
    )
    return WorkedAgain(count=count)


handlers = [list_dead_letters, work_again, work_all_again]
