"""Sources that are kept in step: listed and stopped. They come by an import that follows its addresses."""

from uuid import UUID

from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.knowledge.sources.following import SourceFact
from service.usecases import follow_sources
from service.usecases.context import Context

PATH = "/knowledge-bases/{knowledge_base_id:uuid}/sources"


@get(PATH)
async def list_sources(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[SourceFact]:
    """In the order they came; ``reason`` says why the last look at one failed."""
    bound = f"sources:{knowledge_base_id}:{person.account_id}"
    found = await follow_sources.list_sources(
        context,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        after=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(found, page, bound, position=lambda row: row.id)


@delete(PATH + "/{source_id:uuid}")
async def stop(
    knowledge_base_id: FromPath[UUID],
    source_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> None:
    """Kept in step no more; what was imported from it stays."""
    await follow_sources.stop_source(
        context, source_id=source_id, knowledge_base_id=knowledge_base_id, owner_id=person.account_id
    )


handlers = [list_sources, stop]
