"""The square's card of a knowledge base is brought up to date: shown as it is now, or taken away."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.entitlements.tables import access_grant
from billing.plans.catalog import plans_of
from search.engine.port import Card, Refused
from service.accounts.tables import ACCOUNT
from service.knowledge import square, square_listing
from service.usecases.context import Context

log = structlog.get_logger(__name__)


async def index_card(context: Context, *, knowledge_base_id: str) -> None:
    """The job, deferred by whoever changes what a card shows."""
    id = UUID(knowledge_base_id)
    async with context.database.reading() as connection:
        cards = await cards_of_square(connection, [id])
    async with context.database.transaction() as session:
        await square_listing.keep(session, cards)
        if not cards:
            await square_listing.leave(session, [id])
    if cards:
        tell_refused(await context.cards.put(cards))
    else:
        await context.cards.remove([id])


async def rebuild_cards(context: Context) -> None:
    """The job: the square holds exactly what belongs there."""
    cards: list[Card] = []
    batch = context.settings.sweep_batch
    after: UUID | None = None
    async with context.database.reading() as connection:
        while ids := await square.public(connection, after=after, limit=batch):
            cards.extend(await cards_of_square(connection, ids))
            after = ids[-1]
    tell_refused(await context.cards.rebuild(cards))
    for start in range(0, len(cards), batch):
        async with context.database.transaction() as session:
            await square_listing.keep(session, cards[start : start + batch])


def tell_refused(refused: Sequence[Refused]) -> None:
    """Logs what the engine would not take: tried again, it would not take it either."""
    for one in refused:
        log.error("card.refused", knowledge_base_id=str(one.id), reason=one.reason)


async def cards_of_square(connection: AsyncConnection, ids: Sequence[UUID]) -> list[Card]:
    """The cards of those that belong on the square."""
    found = {id: item for id, item in (await square.shown(connection, ids)).items() if item.on_square}
    hidden = await suspended(connection, [item.base.owner_id for item in found.values()])
    plans = await plans_of(connection, list(found))
    readers = await paying_readers(connection, list(found))
    return [
        Card(
            id=id,
            slug=item.base.slug,
            title=item.base.title,
            summary=item.base.summary,
            creator_handle=item.creator.handle,
            creator_name=item.creator.name,
            category=item.base.category,
            tags=item.base.tags,
            language=item.base.language,
            free=not plans.get(id),
            popularity=readers.get(id, 0),
            published_at=item.base.published_at,
            tagline=item.base.tagline,
        )
        for id, item in found.items()
        if item.base.owner_id not in hidden and item.base.published_at is not None
    ]


async def suspended(connection: AsyncConnection, owner_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the owners whose knowledge bases are hidden."""
    query = sa.select(ACCOUNT.c.id).where(
        ACCOUNT.c.id.in_(owner_ids),
        sa.or_(ACCOUNT.c.suspended_at.is_not(None), ACCOUNT.c.erased_at.is_not(None)),
    )
    return set((await connection.execute(query)).scalars())


async def paying_readers(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Distinct readers of each whose paid access was live within the last 30 days."""
    now = sa.func.zhihao_now()
    query = (
        sa.select(
            access_grant.c.knowledge_base_id,
            sa.func.count(sa.distinct(access_grant.c.account_id)).label("readers"),
        )
        .where(
            access_grant.c.knowledge_base_id.in_(ids),
            access_grant.c.source.in_(["subscription", "pass"]),
            access_grant.c.starts_at <= now,
            sa.func.least(
                sa.func.coalesce(access_grant.c.ends_at, sa.literal_column("'infinity'::timestamptz")),
                sa.func.coalesce(access_grant.c.revoked_at, sa.literal_column("'infinity'::timestamptz")),
            )
            > now - sa.literal_column("interval '30 days'"),
        )
        .group_by(access_grant.c.knowledge_base_id)
    )
    return {row.knowledge_base_id: row.readers for row in await connection.execute(query)}
