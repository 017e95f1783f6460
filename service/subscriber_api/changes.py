"""What changed in a knowledge base, for programs that keep up with it."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.http.login import Person
from service.http.paging import PageRequest, encode_cursor, place_of
from service.subscriber_api.schemas import ChangePage
from service.usecases import read_changes
from service.usecases.context import Context
from service.usecases.read_changes import Position


@get("/knowledge-bases/{id_or_slug:str}/changes")
async def list_changes(
    id_or_slug: FromPath[str],
    visitor: NamedDependency[Person | None],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> ChangePage:
    """Documents added, changed, removed and superseded, oldest first, of what this reader may open.

    Keep `resume_cursor` and ask with it later: it is there on every page, also on an empty one. A reader who
    may open more or less than before (see `view`) is told everything anew.
    """
    account_id = visitor.account_id if visitor else None
    bound = f"changes:{id_or_slug}:{account_id}"
    position = place_of(page, bound, Position)
    found = await read_changes.read_changes(
        context, id_or_slug=id_or_slug, account_id=account_id, position=position, limit=page.limit + 1
    )
    shown = found.changes[: page.limit]
    more = len(found.changes) > page.limit
    reached = shown[-1].number if shown else found.position.number
    resume = encode_cursor([found.position.view, reached], bound)
    return ChangePage(
        data=shown,
        view=found.position.view,
        next_cursor=resume if more else None,
        resume_cursor=resume,
    )


handlers = [list_changes]
