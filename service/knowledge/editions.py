"""Documents as editions of one work: which an asker sees superseded, and by what.

Nothing of this is stored: an edition is a document's own (``search.passages.editions``), and what supersedes
what is found among the documents that the asker may read. So a paid newer text changes nothing for a reader
of the free tier.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection as DriverConnection
from psycopg import AsyncCursor as DriverCursor
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.edition_marks import name_of, read_label
from search.passages.editions import ALONE, Edition, recognise, supersedes
from search.passages.hits import EditionLink
from service.knowledge.edition_links import Editions
from service.platform.driver import driver_connection

Said = Edition | Literal["recognised"]
"""What a creator says a document is, or that its title and text are to be gone by."""


class InvalidEdition(Exception):
    """An edition is named by a work and a date like 2012-12-28, a version like v2, or both."""


def edition_of(row: Any) -> Edition | None:
    """The edition that a document's row holds; None where nobody has looked yet."""
    if row.work is None:
        return None
    return Edition(row.work, row.edition or "", bytes(row.edition_sketch or b""))


def recognised(title: str, file_name: str, text: str) -> Edition:
    """What a text says of itself, by its title and where its file lay."""
    return recognise(title, text, file_name.replace("\\", "/").rpartition("/")[0])


def said(work: str | None, label: str) -> Edition:
    """What a creator says of it; without a work it stands alone. Raises ``InvalidEdition``."""
    if work is None:
        return ALONE
    name = name_of(work)
    if not name:
        raise InvalidEdition("The name of the work has no letters.")
    try:
        mark = read_label(label)
    except ValueError as error:
        raise InvalidEdition("Write a date like 2012-12-28, a version like v2, or both.") from error
    return Edition(name, mark.label)


_OF_WORKS = """
SELECT d.id, d.knowledge_base_id, d.current_revision_id, d.title, d.work, d.edition, d.edition_sketch
FROM document AS d
JOIN (
  SELECT DISTINCT knowledge_base_id, work FROM document WHERE id = ANY(%s::uuid[]) AND work <> ''
) AS works USING (knowledge_base_id, work)
WHERE d.work <> '' AND d.knowledge_base_id = ANY(%s::uuid[])
  AND d.current_revision_id IS NOT NULL AND d.deleted_at IS NULL
  AND (d.tier = 'free' OR d.knowledge_base_id = ANY(%s::uuid[]))
ORDER BY d.id
"""


async def editions_of(
    session: AsyncSession | AsyncConnection,
    *,
    knowledge_base_id: UUID,
    document_ids: Collection[UUID],
    paid: bool,
) -> dict[UUID, Editions]:
    """The editions among these documents, compared with the free ones of the knowledge base, or with ``paid``
    with all. A document that stands alone is left out."""
    if not document_ids:
        return {}
    connection = await driver_connection(session)
    asked = await ask_editions(connection, views={knowledge_base_id: paid}, document_ids=document_ids)
    return await read_editions(asked, document_ids)


async def ask_editions(
    connection: DriverConnection[Any], *, views: Mapping[UUID, bool], document_ids: Collection[UUID]
) -> DriverCursor[Any]:
    """Asks for the editions of documents of several knowledge bases, each with whether its paid ones are
    open; may be sent in a pipeline. ``read_editions`` has them."""
    paid = [id for id, open_ in views.items() if open_]
    return await connection.execute(_OF_WORKS, (list(document_ids), list(views), paid))


async def read_editions(cursor: DriverCursor[Any], document_ids: Collection[UUID]) -> dict[UUID, Editions]:
    """As ``editions_of``."""
    of_work: dict[tuple[UUID, str], list[tuple[Edition, EditionLink]]] = {}
    for id, base, revision_id, title, work, label, sketch in await cursor.fetchall():
        edition = Edition(work, label or "", bytes(sketch or b""))
        link = EditionLink(id, revision_id, title, edition.label)
        of_work.setdefault((base, work), []).append((edition, link))
    wanted = frozenset(document_ids)
    return {
        link.document_id: _links(edition, members)
        for members in of_work.values()
        for edition, link in members
        if link.document_id in wanted
    }


def _links(edition: Edition, members: Sequence[tuple[Edition, EditionLink]]) -> Editions:
    newer = [member for member in members if supersedes(member[0], edition)]
    older = [member for member in members if supersedes(edition, member[0])]
    newest = _newest_first(newer)
    return Editions(edition.label, newest[0] if newest else None, _newest_first(older))


def _newest_first(members: Sequence[tuple[Edition, EditionLink]]) -> list[EditionLink]:
    order = sorted(members, key=lambda member: (member[0].mark.date, member[0].mark.version), reverse=True)
    return [link for _, link in order]
