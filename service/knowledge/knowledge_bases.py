"""Knowledge bases: what a creator builds, publishes and sells.

Whose they are is asked here: a knowledge base of somebody else's is not found. What readers may see of one
is decided in ``service.access``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from service.knowledge.slugs import is_id, slug_of, with_suffix
from service.knowledge.tables import document, knowledge_base, passage_index

Visibility = Literal["private", "unlisted", "public"]


class KnowledgeBaseNotFound(Exception):
    """There is no such knowledge base, or it is not this account's."""


class RightsNotDeclared(Exception):
    """Publishing needs the creator's declaration that the rights to the content are theirs."""


@dataclass(frozen=True, slots=True)
class KnowledgeBaseFact:
    """A knowledge base as its owner sees it; the counts are of documents ready to be read."""

    id: UUID
    owner_id: UUID
    slug: str
    title: str
    summary: str
    category: str
    tags: list[str]
    language: str
    visibility: Visibility
    status: Literal["draft", "published"]
    free_questions: int
    api_access: bool
    api_price: Money | None
    paid_documents: int
    free_documents: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    tagline: str = ""
    sample_questions: list[str] = field(default_factory=list)


def fact(row: sa.Row[Any]) -> KnowledgeBaseFact:
    """A row of the table as a fact."""
    values = row._mapping
    amount, currency = values["api_price_amount"], values["api_price_currency"]
    plain = {name: values[name] for name in KnowledgeBaseFact.__slots__ if name != "api_price"}
    return KnowledgeBaseFact(**plain, api_price=None if amount is None else Money(amount, currency))


async def create(
    session: AsyncSession,
    *,
    id: UUID,
    owner_id: UUID,
    title: str,
    summary: str,
    category: str,
    tags: Sequence[str],
    language: str,
    visibility: Visibility,
    free_questions: int,
    api_access: bool,
    api_price: Money | None,
) -> KnowledgeBaseFact:
    """A new draft, with a slug that is its own for good."""
    slug = slug_of(title)
    await session.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"slug:{slug}", 0)))
    )
    taken = await session.scalar(sa.select(sa.exists().where(knowledge_base.c.slug == slug)))
    values = {
        "id": id,
        "owner_id": owner_id,
        "slug": with_suffix(slug, id) if taken else slug,
        "title": title,
        "summary": summary,
        "category": category,
        "tags": list(tags),
        "language": language,
        "visibility": visibility,
        "status": "draft",
        "free_questions": free_questions,
        "api_access": api_access,
        **_price(api_price),
    }
    row = (await session.execute(knowledge_base.insert().values(values).returning(knowledge_base))).one()
    await session.execute(passage_index.insert().values(knowledge_base_id=id))
    return fact(row)


async def get_owned(
    session: AsyncSession | AsyncConnection, *, id: UUID, owner_id: UUID, lock: bool = False
) -> KnowledgeBaseFact:
    """The owner's knowledge base; with ``lock``, held against other changes to the end of the transaction.

    Raises ``KnowledgeBaseNotFound``.
    """
    query = sa.select(knowledge_base).where(
        knowledge_base.c.id == id,
        knowledge_base.c.owner_id == owner_id,
        knowledge_base.c.deleted_at.is_(None),
    )
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise KnowledgeBaseNotFound("There is no such knowledge base.")
    return fact(row)


async def find(session: AsyncSession | AsyncConnection, id_or_slug: str) -> KnowledgeBaseFact:
    """The knowledge base of this id or slug, whoever asks. Raises ``KnowledgeBaseNotFound``."""
    column = knowledge_base.c.id if is_id(id_or_slug) else knowledge_base.c.slug
    value: UUID | str = UUID(id_or_slug) if is_id(id_or_slug) else id_or_slug
    query = sa.select(knowledge_base).where(column == value, knowledge_base.c.deleted_at.is_(None))
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise KnowledgeBaseNotFound("There is no such knowledge base.")
    return fact(row)


async def get_many(
    session: AsyncSession | AsyncConnection, ids: Sequence[UUID]
) -> dict[UUID, KnowledgeBaseFact]:
    """Those of ``ids`` that are not deleted."""
    query = sa.select(knowledge_base).where(
        knowledge_base.c.id.in_(ids), knowledge_base.c.deleted_at.is_(None)
    )
    return {row.id: fact(row) for row in await session.execute(query)}


async def list_owned(
    session: AsyncSession | AsyncConnection,
    *,
    owner_id: UUID,
    before: UUID | None = None,
    limit: int | None = None,
) -> list[KnowledgeBaseFact]:
    """The owner's knowledge bases, newest first, from below the id ``before``; without a limit, all."""
    query = sa.select(knowledge_base).where(
        knowledge_base.c.owner_id == owner_id, knowledge_base.c.deleted_at.is_(None)
    )
    if before is not None:
        query = query.where(knowledge_base.c.id < before)
    rows = await session.execute(query.order_by(knowledge_base.c.id.desc()).limit(limit))
    return [fact(row) for row in rows]


async def published_of(session: AsyncSession | AsyncConnection, owner_id: UUID) -> list[UUID]:
    """What this owner has published."""
    query = sa.select(knowledge_base.c.id).where(
        knowledge_base.c.owner_id == owner_id,
        knowledge_base.c.status == "published",
        knowledge_base.c.deleted_at.is_(None),
    )
    return list((await session.execute(query)).scalars())


async def ids(session: AsyncSession | AsyncConnection) -> list[UUID]:
    """Every knowledge base that is not deleted."""
    query = sa.select(knowledge_base.c.id).where(knowledge_base.c.deleted_at.is_(None))
    return list((await session.execute(query)).scalars())


async def change(session: AsyncSession, *, id: UUID, changes: Mapping[str, Any]) -> KnowledgeBaseFact:
    """Writes ``changes`` (names of fact fields to values; ``api_price`` as ``Money`` or None)."""
    values = {name: value for name, value in changes.items() if name != "api_price"}
    if "api_price" in changes:
        values |= _price(changes["api_price"])
    return await _update(session, id, values)


async def publish(session: AsyncSession, *, id: UUID, rights_declared: bool) -> KnowledgeBaseFact:
    """Puts it before readers. Raises ``RightsNotDeclared``. Publishing what is published changes nothing."""
    if not rights_declared:
        raise RightsNotDeclared("Declare that you hold the rights to the content to publish it.")
    now = sa.func.zhihao_now()
    published_at = sa.case((knowledge_base.c.status == "published", knowledge_base.c.published_at), else_=now)
    values = {"status": "published", "rights_declared_at": now, "published_at": published_at}
    return await _update(session, id, values)


async def unpublish(session: AsyncSession, *, id: UUID) -> KnowledgeBaseFact:
    """Takes it from the square and from sale; who has paid reads on."""
    return await _update(session, id, {"status": "draft"})


async def delete(session: AsyncSession, *, id: UUID) -> None:
    """Gone for everybody. Its rows stay, for receipts and the ledger refer to them."""
    await _update(session, id, {"status": "draft", "deleted_at": sa.func.zhihao_now()})


async def recount(session: AsyncSession, id: UUID) -> None:
    """Counts the documents that can be read. The knowledge base's row must be locked already."""
    live = sa.and_(
        document.c.knowledge_base_id == id,
        document.c.deleted_at.is_(None),
        document.c.current_revision_id.is_not(None),
    )
    counted = (
        sa.select(
            sa.func.count().filter(document.c.tier == "paid").label("paid"),
            sa.func.count().filter(document.c.tier == "free").label("free"),
        )
        .where(live)
        .subquery()
    )
    await session.execute(
        knowledge_base.update()
        .where(knowledge_base.c.id == id)
        .values(
            paid_documents=sa.select(counted.c.paid).scalar_subquery(),
            free_documents=sa.select(counted.c.free).scalar_subquery(),
        )
    )


def _price(price: Money | None) -> dict[str, int | str | None]:
    return {
        "api_price_amount": None if price is None else price.amount,
        "api_price_currency": None if price is None else price.currency,
    }


async def _update(session: AsyncSession, id: UUID, values: Mapping[str, Any]) -> KnowledgeBaseFact:
    statement = (
        knowledge_base.update()
        .where(knowledge_base.c.id == id)
        .values(**values, updated_at=sa.func.zhihao_now())
        .returning(knowledge_base)
    )
    return fact((await session.execute(statement)).one())
