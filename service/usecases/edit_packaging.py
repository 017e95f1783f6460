"""A creator looks at what is suggested for a knowledge base, edits it, and applies what they choose."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from service.knowledge import knowledge_bases
from service.knowledge.cards import card_changed
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.knowledge.packaging import kept
from service.knowledge.packaging.kept import DraftQuestion, PackagingFact
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context
from service.usecases.sample_questions import answer_of, open_in, scopes_of


class UnansweredQuestion(Exception):
    """A sample question that the knowledge base does not answer. ``errors`` points at each."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__("The knowledge base does not answer a sample question.")
        self.errors = tuple((f"/sample_questions/{n}", "nothing in it answers this") for n in places)


async def read_packaging(context: Context, *, knowledge_base_id: UUID, owner_id: UUID) -> PackagingFact:
    """Raises ``KnowledgeBaseNotFound`` and ``PackagingNotFound``."""
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        return await kept.get(connection, knowledge_base_id)


async def edit_packaging(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, changes: Mapping[str, Any]
) -> PackagingFact:
    """Writes the given fields of the draft; ``sample_questions`` are texts. Nobody else sees it.

    Raises ``KnowledgeBaseNotFound``, ``PackagingNotFound``, ``PackagingUnfinished``, ``UnansweredQuestion``,
    ``EngineUnavailable`` and ``ModelUnavailable``.
    """
    async with context.database.reading() as connection:
        base = await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        await kept.get_ready(connection, base.id)
    written = dict(changes)
    if "sample_questions" in changes:
        written["sample_questions"] = await _tried(context, base, changes["sample_questions"])
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=base.id, owner_id=owner_id, lock=True)
        draft = await kept.get_ready(session, base.id)
        return await kept.edit(session, base.id, replace(draft, **written))


async def apply_packaging(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, fields: Sequence[str], once: Once | None
) -> KnowledgeBaseFact:
    """The knowledge base has these fields of the draft from now on, for everybody who may see it.

    Raises ``KnowledgeBaseNotFound``, ``PackagingNotFound`` and ``PackagingUnfinished``.
    """
    async with context.database.transaction() as session:
        if (done := await claim(session, once, KnowledgeBaseFact)) is not None:
            return done
        base = await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id, lock=True)
        draft = await kept.get_ready(session, base.id)
        changes = {name: getattr(draft, name) for name in fields}
        if "sample_questions" in changes:
            changes["sample_questions"] = [one.question for one in draft.sample_questions]
        changed = await knowledge_bases.change(session, id=base.id, changes=changes)
        await kept.write(session, base.id, {"applied_at": sa.func.zhihao_now()})
        await card_changed(session, base.id)
        await keep(session, once, changed)
        return changed


async def _tried(context: Context, base: KnowledgeBaseFact, questions: Sequence[str]) -> list[DraftQuestion]:
    """Each question once, with who is answered. Raises ``UnansweredQuestion``."""
    owner, free = await scopes_of(context, base)
    texts = [" ".join(question.split()) for question in questions]
    answers = await asyncio.gather(*[answer_of(context, owner, text) for text in texts])
    unanswered = [n for n, citations in enumerate(answers) if not citations]
    if unanswered:
        raise UnansweredQuestion(unanswered)
    return [
        DraftQuestion(text, await open_in(context, free, text, named=True)) for text in dict.fromkeys(texts)
    ]
