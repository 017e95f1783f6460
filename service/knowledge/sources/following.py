"""Sources that are kept in step: which there are, when each is looked at, what of it is imported by now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.knowledge.documents import Failure, Tier
from service.knowledge.tables import knowledge_base, source, source_entry
from service.platform.fetching import Validators

SourceKind = Literal["feed", "url", "wechat_article"]
MOST_ATTEMPTS = 3
"""How often an entry is tried that cannot be had, until it changes."""
LONGEST_WAIT = timedelta(days=1)


class SourceNotFound(Exception):
    """There is no such source of this knowledge base, or it was stopped."""


class TooManySources(Exception):
    """The knowledge base keeps as many sources in step as it may."""


@dataclass(frozen=True, slots=True)
class SourceFact:
    """A source as its owner sees it. ``entries`` are imported; ``reason``: why the last look at it failed."""

    id: UUID
    knowledge_base_id: UUID
    kind: SourceKind
    url: str
    title: str
    tier: Tier
    entries: int
    checked_at: datetime | None
    next_check_at: datetime
    reason: Failure | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """A source to be looked at; ``failures`` in a row so far."""

    id: UUID
    knowledge_base_id: UUID
    account_id: UUID
    kind: SourceKind
    url: str
    tier: Tier
    validators: Validators
    failures: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of an entry."""

    key: str
    sha256: str
    imported: bool


async def follow(
    session: AsyncSession,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    account_id: UUID,
    kind: SourceKind,
    url: str,
    title: str,
    tier: Tier,
    validators: Validators,
    check_seconds: int,
    most: int,
) -> UUID:
    """Keeps the address in step from now on; the id of its source, which may be there already.

    Raises ``TooManySources``.
    """
    now = sa.func.zhihao_now()
    values = {
        "title": title,
        "etag": validators.etag,
        "last_modified": validators.last_modified,
        "checked_at": now,
        "next_check_at": now + timedelta(seconds=check_seconds),
        "failures": 0,
        "failure_code": None,
        "failure_detail": None,
    }
    present = (
        await session.execute(
            source.update()
            .where(_live(knowledge_base_id), source.c.url == url)
            .values(**values)
            .returning(source.c.id)
        )
    ).scalar_one_or_none()
    if present is not None:
        return UUID(str(present))
    count = await session.scalar(sa.select(sa.func.count()).where(_live(knowledge_base_id)))
    if (count or 0) >= most:
        raise TooManySources(f"A knowledge base keeps at most {most} sources in step.")
    statement = (
        insert(source)
        .values(
            id=id,
            knowledge_base_id=knowledge_base_id,
            account_id=account_id,
            kind=kind,
            url=url,
            tier=tier,
            **values,
        )
        .on_conflict_do_update(
            index_elements=["knowledge_base_id", "url"],
            index_where=source.c.stopped_at.is_(None),
            set_={"title": title},
        )
        .returning(source.c.id)
    )
    return UUID(str((await session.execute(statement)).scalar_one()))


async def list_page(
    session: AsyncSession | AsyncConnection, *, knowledge_base_id: UUID, after: UUID | None, limit: int
) -> list[SourceFact]:
    """The knowledge base's sources in the order they came, from above the id ``after``."""
    entries = (
        sa.select(sa.func.count())
        .where(source_entry.c.source_id == source.c.id, source_entry.c.imported)
        .scalar_subquery()
        .label("entries")
    )
    query = sa.select(source, entries).where(_live(knowledge_base_id))
    if after is not None:
        query = query.where(source.c.id > after)
    return [_fact(row) for row in await session.execute(query.order_by(source.c.id).limit(limit))]


async def stop(session: AsyncSession, *, knowledge_base_id: UUID, source_id: UUID) -> None:
    """It is not looked at any more; its documents stay. Raises ``SourceNotFound``."""
    stopped = await session.execute(
        source.update()
        .where(_live(knowledge_base_id), source.c.id == source_id)
        .values(stopped_at=sa.func.zhihao_now())
        .returning(source.c.id)
    )
    if stopped.one_or_none() is None:
        raise SourceNotFound("There is no such source of this knowledge base.")


async def claim_due(session: AsyncSession, *, check_seconds: int, limit: int) -> list[UUID]:
    """The sources whose time has come; their next is set, so that no other worker takes them too."""
    now = sa.func.zhihao_now()
    of_a_base = sa.exists().where(
        knowledge_base.c.id == source.c.knowledge_base_id, knowledge_base.c.deleted_at.is_(None)
    )
    due = (
        sa.select(source.c.id)
        .where(source.c.stopped_at.is_(None), source.c.next_check_at <= now, of_a_base)
        .order_by(source.c.next_check_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = await session.execute(
        source.update()
        .where(source.c.id.in_(due))
        .values(next_check_at=now + timedelta(seconds=check_seconds))
        .returning(source.c.id)
    )
    return list(claimed.scalars())


async def get_due(session: AsyncSession | AsyncConnection, source_id: UUID) -> Due | None:
    """What a look at it needs to know; None when it was stopped."""
    row = (
        await session.execute(
            sa.select(source).where(source.c.id == source_id, source.c.stopped_at.is_(None))
        )
    ).one_or_none()
    if row is None:
        return None
    return Due(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        account_id=row.account_id,
        kind=row.kind,
        url=row.url,
        tier=row.tier,
        validators=Validators(row.etag, row.last_modified),
        failures=row.failures,
    )


async def checked(
    session: AsyncSession, source_id: UUID, *, validators: Validators | None, title: str | None = None
) -> None:
    """It was looked at; with ``validators`` None, nothing had changed."""
    values: dict[str, Any] = {
        "checked_at": sa.func.zhihao_now(),
        "failures": 0,
        "failure_code": None,
        "failure_detail": None,
    }
    if validators is not None:
        values |= {"etag": validators.etag, "last_modified": validators.last_modified}
    if title:
        values["title"] = title
    await session.execute(source.update().where(source.c.id == source_id).values(**values))


async def failed(session: AsyncSession, due: Due, failure: Failure, *, check_seconds: int) -> None:
    """It could not be looked at; it is tried again after twice the time of before, at most a day."""
    wait = min(timedelta(seconds=check_seconds) * 2 ** min(due.failures + 1, 16), LONGEST_WAIT)
    wait = max(wait, timedelta(seconds=check_seconds))
    now = sa.func.zhihao_now()
    await session.execute(
        source.update()
        .where(source.c.id == due.id)
        .values(
            checked_at=now,
            next_check_at=now + wait,
            failures=source.c.failures + 1,
            failure_code=failure.code,
            failure_detail=failure.detail,
        )
    )


async def wanted(
    session: AsyncSession | AsyncConnection, source_id: UUID, said: Mapping[str, str]
) -> set[str]:
    """Of these entries, by key to sha256, those to be imported: new, changed, or not had so far."""
    rows = await session.execute(
        sa.select(source_entry).where(
            source_entry.c.source_id == source_id, source_entry.c.key.in_(list(said))
        )
    )
    settled = {
        row.key
        for row in rows
        if row.sha256 == said[row.key] and (row.imported or row.attempts >= MOST_ATTEMPTS)
    }
    return set(said) - settled


async def record(session: AsyncSession, source_id: UUID, tried: Sequence[Tried]) -> None:
    """What became of the entries. While one is still to be had, the source is asked without validators."""
    if not tried:
        return
    statement = insert(source_entry).values(
        [
            {
                "source_id": source_id,
                "key": each.key,
                "sha256": each.sha256,
                "imported": each.imported,
                "attempts": 0 if each.imported else 1,
            }
            for each in tried
        ]
    )
    new = statement.excluded
    again = sa.and_(source_entry.c.sha256 == new.sha256, sa.not_(new.imported))
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["source_id", "key"],
            set_={
                "sha256": new.sha256,
                "imported": new.imported,
                "attempts": sa.case((again, source_entry.c.attempts + 1), else_=new.attempts),
            },
        )
    )
    missing = sa.exists().where(
        source_entry.c.source_id == source_id,
        sa.not_(source_entry.c.imported),
        source_entry.c.attempts < MOST_ATTEMPTS,
    )
    await session.execute(
        source.update().where(source.c.id == source_id, missing).values(etag=None, last_modified=None)
    )


def _live(knowledge_base_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(source.c.knowledge_base_id == knowledge_base_id, source.c.stopped_at.is_(None))


def _fact(row: sa.Row[Any]) -> SourceFact:
    return SourceFact(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        kind=row.kind,
        url=row.url,
        title=row.title,
        tier=row.tier,
        entries=row.entries,
        checked_at=row.checked_at,
        next_check_at=row.next_check_at,
        reason=None if row.failure_code is None else Failure(row.failure_code, row.failure_detail),
        created_at=row.created_at,
    )
