"""The readers of the last 30 days are counted again, and the square ranks by what they are now."""

from uuid import UUID

from search.engine.port import Card
from service.knowledge import square, square_listing
from service.usecases.context import Context
from service.usecases.index_card import cards_of_square, tell_refused


async def refresh_popularity(context: Context) -> None:
    """The periodic job: readers come by themselves, but nothing happens when their 30 days are over.

    Only cards whose count changed are written. It also lists what is missing from the list, and takes from
    it what does not belong there."""
    previous: UUID | None = None
    limit = context.settings.sweep_batch
    while True:
        async with context.database.reading() as connection:
            ids = await square.public(connection, after=previous, limit=limit)
            known = await square_listing.popularity(connection, ids)
            cards = await cards_of_square(connection, ids)
        changed = [card for card in cards if known.get(card.id) != card.popularity]
        if changed:
            await _put(context, changed)
        if not ids:
            break
        previous = ids[-1]
    await _forget_strangers(context)


async def _put(context: Context, changed: list[Card]) -> None:
    # The engine first: what the list knows is what the engine was told.
    tell_refused(await context.cards.put(changed))
    async with context.database.transaction() as session:
        await square_listing.keep(session, changed)


async def _forget_strangers(context: Context) -> None:
    previous: UUID | None = None
    while True:
        async with context.database.transaction() as session:
            listed = await square_listing.after(session, previous, limit=context.settings.sweep_batch)
            if not listed:
                return
            belonging = {card.id for card in await cards_of_square(await session.connection(), listed)}
            await square_listing.leave(session, [id for id in listed if id not in belonging])
        previous = listed[-1]
