"""What changed in a knowledge base, for those who follow it.

There are two feeds of each: what the free tier shows, told only while anybody may see the knowledge base; and
what all of it shows, told from its first publication on. Before that there is one of the draft, for its
owner. An entry is the difference between what a document is to that view now and what the view was last told
of it, so a feed never speaks of what its view has not shown. Feeds are written under the lock of the
knowledge base's row, in the transaction of the change: numbers follow commits, with no gaps.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.hits import EditionLink
from service.knowledge.documents import Tier
from service.knowledge.editions import editions_of
from service.knowledge.tables import document, knowledge_base, knowledge_change

View = Literal["draft", "free", "all"]
Kind = Literal["added", "changed", "removed", "superseded"]

MOST_EDITIONS = 50
"""A work of more is no rule book: what supersedes what in it is not told, for each is compared with each."""

_ORDER: tuple[Kind, ...] = ("removed", "added", "changed", "superseded")


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of a feed; ``number`` is its place. Of a document that the reader may not open (any more),
    there is neither title nor tier, and no link to one as the newer edition.

    ``revision_id`` is the text it had by then, None for one removed.
    """

    number: int
    kind: Kind
    document_id: UUID
    revision_id: UUID | None
    title: str | None
    tier: Tier | None
    superseded_by: EditionLink | None
    at: datetime


async def record(
    session: AsyncSession, knowledge_base_id: UUID, document_ids: Collection[UUID] | None
) -> None:
    """Tells the feeds what became of these documents, and of those that they supersede; None: of all.

    The knowledge base's row must be locked, and the changes written. Telling again says nothing new.
    """
    query = sa.select(
        knowledge_base.c.published_at.is_(None).label("draft"),
        sa.and_(knowledge_base.c.status == "published", knowledge_base.c.visibility != "private").label(
            "shown"
        ),
    ).where(knowledge_base.c.id == knowledge_base_id)
    base = (await session.execute(query)).one()
    if document_ids is not None and not document_ids:
        return
    crowded = await _crowded(session, knowledge_base_id, document_ids)
    if document_ids is not None:
        document_ids = await _touched(session, knowledge_base_id, document_ids, crowded)
    views: tuple[View, ...] = ("draft",) if base.draft else ("all", "free") if base.shown else ("all",)
    for view in views:
        await _tell(session, knowledge_base_id, view, document_ids, crowded)


async def _crowded(
    session: AsyncSession, knowledge_base_id: UUID, ids: Collection[UUID] | None
) -> frozenset[str]:
    """Their works that have too many editions to be compared."""
    live = sa.and_(
        document.c.knowledge_base_id == knowledge_base_id,
        document.c.work != "",
        document.c.deleted_at.is_(None),
    )
    query = sa.select(document.c.work).where(live)
    if ids is not None:
        named = document.alias()
        works = sa.select(named.c.work).where(named.c.id.in_(ids), named.c.work != "")
        query = query.where(document.c.work.in_(works))
    many = query.group_by(document.c.work).having(sa.func.count() > MOST_EDITIONS)
    return frozenset((await session.execute(many)).scalars())


_TOUCHED = sa.text(
    """
    SELECT unnest(CAST(:ids AS uuid[])) AS id
    UNION
    SELECT document.id FROM document
    JOIN (SELECT DISTINCT work FROM document WHERE id = ANY(:ids) AND work <> ''
      AND work <> ALL(CAST(:crowded AS text[]))) AS known USING (work)
    WHERE document.knowledge_base_id = :knowledge_base_id AND document.work <> ''
    UNION
    SELECT document_id FROM knowledge_change
    WHERE superseded_by_id = ANY(:ids) AND knowledge_base_id = :knowledge_base_id
    """
)


async def _touched(
    session: AsyncSession, knowledge_base_id: UUID, ids: Collection[UUID], crowded: Collection[str]
) -> list[UUID]:
    """These documents, the other editions of their works, and what they were told to supersede."""
    values = {"ids": list(ids), "knowledge_base_id": knowledge_base_id, "crowded": list(crowded)}
    return list((await session.execute(_TOUCHED, values)).scalars())


_STATES = """
    SELECT document.id, document.current_revision_id AS revision_id,
      hashtextextended(document.title, 0) AS title_hash,
      document.deleted_at IS NULL AND document.current_revision_id IS NOT NULL
        AND (:view <> 'free' OR document.tier = 'free') AS visible,
      document.work, COALESCE(told.kind <> 'removed', false) AS known, told.revision_id AS told_revision_id,
      told.title_hash AS told_title_hash, told.superseded_by_id AS told_superseded_by_id
    FROM document LEFT JOIN LATERAL (
      SELECT * FROM knowledge_change WHERE document_id = document.id AND view = :view
      ORDER BY number DESC LIMIT 1
    ) AS told ON true
    WHERE document.knowledge_base_id = :knowledge_base_id
"""
_ALL_STATES = sa.text(_STATES + "ORDER BY document.id")
_SOME_STATES = sa.text(_STATES + "AND document.id = ANY(:ids) ORDER BY document.id")


async def _tell(
    session: AsyncSession,
    knowledge_base_id: UUID,
    view: View,
    ids: Collection[UUID] | None,
    crowded: Collection[str],
) -> None:
    values: dict[str, Any] = {"knowledge_base_id": knowledge_base_id, "view": view}
    if ids is None:
        states = (await session.execute(_ALL_STATES, values)).all()
    else:
        states = (await session.execute(_SOME_STATES, values | {"ids": list(ids)})).all()
    editions = await editions_of(
        session,
        knowledge_base_id=knowledge_base_id,
        document_ids=[state.id for state in states if state.visible and state.work not in crowded],
        paid=view != "free",
    )
    found: list[dict[str, Any]] = []
    for state in states:
        newer = editions[state.id].superseded_by if state.id in editions else None
        newer_id = newer.document_id if newer else None
        if state.work in crowded:
            newer_id = state.told_superseded_by_id  # as it was left
        found.extend(
            {
                "knowledge_base_id": knowledge_base_id,
                "view": view,
                "kind": kind,
                "document_id": state.id,
                "revision_id": state.revision_id if state.visible else None,
                "superseded_by_id": newer_id,
                "title_hash": state.title_hash,
            }
            for kind in _kinds(state, newer_id)
        )
    if not found:
        return
    found.sort(key=lambda row: _ORDER.index(row["kind"]))  # a newer edition is there before it supersedes
    last = sa.select(sa.func.coalesce(sa.func.max(knowledge_change.c.number), 0)).where(
        knowledge_change.c.knowledge_base_id == knowledge_base_id, knowledge_change.c.view == view
    )
    first = (await session.execute(last)).scalar_one() + 1
    rows = [row | {"number": number} for number, row in enumerate(found, first)]
    await session.execute(knowledge_change.insert(), rows)


def _kinds(state: Any, newer_id: UUID | None) -> list[Kind]:
    """What became of a document since the view was last told of it."""
    if not state.visible:
        return ["removed"] if state.known else []
    if not state.known:
        return ["added"]
    kinds: list[Kind] = []
    other_edition = newer_id != state.told_superseded_by_id
    revised = (state.revision_id, state.title_hash) != (state.told_revision_id, state.told_title_hash)
    if revised or (other_edition and newer_id is None):
        kinds.append("changed")
    if other_edition and newer_id is not None:
        kinds.append("superseded")
    return kinds


async def list_changes(
    session: AsyncSession | AsyncConnection,
    *,
    knowledge_base_id: UUID,
    view: View,
    after: int,
    limit: int,
) -> list[Change]:
    """The view's entries from above the number ``after``, in order."""
    query = _changes(knowledge_base_id, view).where(knowledge_change.c.number > after)
    rows = await session.execute(query.order_by(knowledge_change.c.number).limit(limit))
    return [_change(row) for row in rows]


async def newest_changes(
    session: AsyncSession | AsyncConnection, *, knowledge_base_id: UUID, limit: int
) -> list[Change]:
    """The newest entries of the free view whose documents can be opened, among its last ``2 * limit``; newest
    first."""
    query = _changes(knowledge_base_id, "free").order_by(knowledge_change.c.number.desc()).limit(2 * limit)
    found = [_change(row) for row in await session.execute(query)]
    return [change for change in found if change.title is not None][:limit]


async def views_told(
    session: AsyncSession | AsyncConnection, *, document_id: UUID, revision_id: UUID
) -> set[View]:
    """The views that were ever told of this text of the document."""
    query = sa.select(knowledge_change.c.view).where(
        knowledge_change.c.document_id == document_id, knowledge_change.c.revision_id == revision_id
    )
    return set((await session.execute(query)).scalars())


def _changes(knowledge_base_id: UUID, view: View) -> sa.Select[Any]:
    open_document, newer = document.alias("open_document"), document.alias("newer")

    def readable(table: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        conditions: list[sa.ColumnElement[bool]] = [
            table.c.deleted_at.is_(None),
            table.c.current_revision_id.is_not(None),
        ]
        return conditions if view != "free" else [*conditions, table.c.tier == "free"]

    joined = knowledge_change.outerjoin(
        open_document,
        sa.and_(open_document.c.id == knowledge_change.c.document_id, *readable(open_document)),
    ).outerjoin(newer, sa.and_(newer.c.id == knowledge_change.c.superseded_by_id, *readable(newer)))
    return (
        sa.select(
            *(knowledge_change.c[name] for name in ("number", "kind", "document_id", "revision_id", "at")),
            open_document.c.title,
            open_document.c.tier,
            newer.c.id.label("newer_id"),
            newer.c.current_revision_id.label("newer_revision_id"),
            newer.c.title.label("newer_title"),
            newer.c.edition.label("newer_edition"),
        )
        .select_from(joined)
        .where(knowledge_change.c.knowledge_base_id == knowledge_base_id, knowledge_change.c.view == view)
    )


def _change(row: Any) -> Change:
    link = None
    if row.title is not None and row.newer_id is not None:
        link = EditionLink(row.newer_id, row.newer_revision_id, row.newer_title, row.newer_edition or "")
    return Change(
        number=row.number,
        kind=row.kind,
        document_id=row.document_id,
        revision_id=row.revision_id,
        title=row.title,
        tier=row.tier,
        superseded_by=link,
        at=row.at,
    )
