"""A program reads a document with an organization's key."""

from uuid import UUID

from service.access.calls import KeyPrincipal
from service.platform.ids import new_id
from service.usecases.answer_once import pass_again
from service.usecases.context import Context
from service.usecases.name_models import find_models
from service.usecases.read_knowledge_base import DocumentPage, read_document


async def read_for_key(
    context: Context,
    *,
    principal: KeyPrincipal,
    knowledge_base: str,
    document_id: UUID,
    revision_id: UUID | None,
) -> DocumentPage:
    """A free document of a base that the key may search, and its text whole: nothing is billed.

    A contract opens answers and passages of paid documents, not these as a whole: that is
    ``EntitlementRequired``, with the plans. Also raises what ``pass_again`` and ``read_document`` raise.
    """
    (base_id,) = await find_models(context, [knowledge_base])
    await pass_again(
        context,
        principal=principal,
        meter="passages",
        knowledge_base_ids=(base_id,),
        grounds={},
        call_id=new_id(),
    )
    return await read_document(
        context,
        knowledge_base=str(base_id),
        document_id=document_id,
        revision_id=revision_id,
        account_id=None,
    )
