"""Which document a file of an import is: the one of its path, the one that moved, or a new one.

A path that was imported before is that document, whatever it says now. A file of another path with the very
bytes of a document whose own path the import does not hold has moved. Where all of an archive lies in one
folder, that folder's name is the archive's (``laws-main/…``, ``laws-2025/…``), and paths are also compared
without it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.editions import Edition
from service.knowledge.documents import Tier
from service.knowledge.editions import edition_of
from service.knowledge.tables import document


@dataclass(frozen=True, slots=True)
class Present:
    """A document there is. ``edition`` only where its creator has said which one it is."""

    id: UUID
    title: str
    file_name: str
    imported: bool
    tier: Tier
    sha256: bytes
    failed: bool
    edition: Edition | None


@dataclass(frozen=True, slots=True)
class Match:
    """``same``: the document has just these bytes; ``moved``: they come under another path from now on."""

    document: Present
    same: bool
    moved: bool = False


async def identify(
    session: AsyncSession | AsyncConnection,
    *,
    knowledge_base_id: UUID,
    files: Sequence[tuple[str, bytes]],
    names: Collection[str],
) -> dict[str, Match]:
    """By name, the documents that ``files`` (names and hashes) are; a new one is left out. ``names`` are all
    names of the import. Removed documents are none, nor are the bytes of failed ones."""
    by_name, by_hash = await _present(session, knowledge_base_id, files)
    found: dict[str, Match] = {}
    claimed: set[UUID] = set()
    for name, sha256 in files:
        if (present := by_name.get(name)) is not None:
            found[name] = Match(present, present.sha256 == sha256 and not present.failed)
        elif copies := by_hash.get(sha256):
            gone = [c for c in copies if c.imported and c.file_name not in names and c.id not in claimed]
            claimed.update(present.id for present in gone[:1])
            found[name] = Match((gone or copies)[0], same=True, moved=bool(gone))
    tails = _tails([name for name, _ in files if name not in found], names)
    for name, present in (await _under_other_root(session, knowledge_base_id, tails, names)).items():
        if present.id not in claimed:
            found[name] = Match(present, same=False, moved=True)
    return found


def _tails(wanted: Sequence[str], names: Collection[str]) -> dict[str, str]:
    """The wanted names by what follows the one folder that all names lie in; none without such a folder."""
    roots = {name.partition("/")[0] if "/" in name else None for name in names}
    if len(roots) != 1 or None in roots:
        return {}
    return {name.partition("/")[2]: name for name in wanted}


async def _present(
    session: AsyncSession | AsyncConnection, knowledge_base_id: UUID, files: Sequence[tuple[str, bytes]]
) -> tuple[dict[str, Present], dict[bytes, list[Present]]]:
    named = sa.and_(document.c.imported, document.c.file_name.in_([name for name, _ in files]))
    same = sa.and_(document.c.sha256.in_([sha256 for _, sha256 in files]), document.c.status != "failed")
    query = _LIVE.where(document.c.knowledge_base_id == knowledge_base_id, sa.or_(named, same))
    by_name: dict[str, Present] = {}
    by_hash: dict[bytes, list[Present]] = {}
    names = {name for name, _ in files}
    for row in await session.execute(query.order_by(document.c.id)):
        present = _fact(row)
        if present.imported and present.file_name in names:
            by_name.setdefault(present.file_name, present)
        if not present.failed:
            by_hash.setdefault(present.sha256, []).append(present)
    return by_name, by_hash


async def _under_other_root(
    session: AsyncSession | AsyncConnection,
    knowledge_base_id: UUID,
    tails: Mapping[str, str],
    names: Collection[str],
) -> dict[str, Present]:
    """By name in the import, the one document of that path in another first folder."""
    if not tails:
        return {}
    tail = sa.func.substr(document.c.file_name, sa.func.strpos(document.c.file_name, "/") + 1)
    query = _LIVE.where(
        document.c.knowledge_base_id == knowledge_base_id,
        document.c.imported,
        sa.func.strpos(document.c.file_name, "/") > 0,
        tail.in_(tails),
    )
    candidates: dict[str, list[Present]] = {}
    for row in await session.execute(query):
        if row.file_name not in names:
            candidates.setdefault(tails[row.file_name.partition("/")[2]], []).append(_fact(row))
    return {name: present[0] for name, present in candidates.items() if len(present) == 1}


_LIVE = sa.select(
    document.c.id,
    document.c.title,
    document.c.file_name,
    document.c.imported,
    document.c.tier,
    document.c.sha256,
    document.c.status,
    document.c.work,
    document.c.edition,
    document.c.edition_sketch,
    document.c.edition_set,
).where(document.c.deleted_at.is_(None))


def _fact(row: Any) -> Present:
    return Present(
        id=row.id,
        title=row.title,
        file_name=row.file_name,
        imported=row.imported,
        tier=row.tier,
        sha256=bytes(row.sha256),
        failed=row.status == "failed",
        edition=edition_of(row) if row.edition_set else None,
    )
