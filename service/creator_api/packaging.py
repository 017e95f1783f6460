"""How a knowledge base presents itself: suggested, edited, applied."""

from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.creator_api.schemas import ApplyBody, PackagingChanges
from service.http.inputs import InvalidInput
from service.http.login import Person
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.knowledge.packaging.kept import PackagingFact
from service.platform.idempotency import Once
from service.usecases import edit_packaging, package_knowledge_base
from service.usecases.context import Context

PATH = "/knowledge-bases/{knowledge_base_id:uuid}/packaging"


@post(PATH, status_code=202)
async def request_packaging(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> PackagingFact:
    """A suggestion is made from the documents; the last one and its edits are gone. Ask for it until it is
    ``ready`` or ``failed``."""
    return await package_knowledge_base.request_packaging(
        context, knowledge_base_id=knowledge_base_id, owner_id=person.account_id, once=once
    )


@get(PATH)
async def read_packaging(
    knowledge_base_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> PackagingFact:
    """The suggestion with the spans it stands on, and the draft made of it. Nobody else sees either."""
    return await edit_packaging.read_packaging(
        context, knowledge_base_id=knowledge_base_id, owner_id=person.account_id
    )


@patch(PATH)
async def change_packaging(
    knowledge_base_id: FromPath[UUID],
    data: JSONBody[PackagingChanges],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> PackagingFact:
    """Changes what is given of the draft. A sample question that nothing answers is refused."""
    changes = {
        name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET
    }
    most = context.settings.packaging_sample_questions
    if len(changes.get("sample_questions", ())) > most:
        raise InvalidInput(("/sample_questions", f"at most {most}"))
    return await edit_packaging.edit_packaging(
        context, knowledge_base_id=knowledge_base_id, owner_id=person.account_id, changes=changes
    )


@post(PATH + "/apply", status_code=200)
async def apply_packaging(
    knowledge_base_id: FromPath[UUID],
    data: JSONBody[ApplyBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> KnowledgeBaseFact:
    """Writes the chosen fields of the draft to the knowledge base: for everybody who may see it."""
    return await edit_packaging.apply_packaging(
        context,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        fields=data.fields,
        once=once,
    )


handlers = [request_packaging, read_packaging, change_packaging, apply_packaging]
