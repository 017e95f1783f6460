"""Somebody looks at a creator's public face."""

from dataclasses import dataclass

from service.knowledge import profiles, square
from service.knowledge.profiles import ProfileNotFound
from service.usecases.context import Context
from service.usecases.index_card import suspended
from service.usecases.search_square import CardFact, cards_of


class CreatorNotFound(Exception):
    """Nobody of this handle is to be seen."""


@dataclass(frozen=True, slots=True)
class CreatorPage:
    """A profile with the newest of its public knowledge bases."""

    handle: str
    name: str
    bio: str
    cards: list[CardFact]


async def read_creator(context: Context, *, handle: str) -> CreatorPage:
    """The creator's profile and public knowledge bases, newest first. Raises ``CreatorNotFound``."""
    async with context.database.reading() as connection:
        try:
            profile = await profiles.find_by_handle(connection, handle)
        except ProfileNotFound as error:
            raise CreatorNotFound("There is no creator of this handle.") from error
        if await suspended(connection, [profile.account_id]):
            raise CreatorNotFound("There is no creator of this handle.")
        ids = await square.public_of(connection, profile.account_id, limit=context.settings.page_limit_max)
        cards = await cards_of(connection, ids)
    return CreatorPage(profile.handle, profile.name, profile.bio, [cards[id] for id in ids if id in cards])
