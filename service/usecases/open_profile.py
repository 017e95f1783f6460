"""A creator opens or changes the profile readers know them by."""

from uuid import UUID

from service.knowledge import knowledge_bases, profiles
from service.knowledge.cards import card_changed
from service.knowledge.profiles import ProfileFact
from service.usecases.context import Context


async def open_profile(
    context: Context, *, account_id: UUID, handle: str, name: str, bio: str
) -> ProfileFact:
    """The account's profile from now on. Raises ``InvalidHandle`` and ``HandleTaken``."""
    async with context.database.transaction() as session:
        profile = await profiles.put_profile(
            session, account_id=account_id, handle=handle, name=name, bio=bio
        )
        for id in await knowledge_bases.published_of(session, account_id):
            await card_changed(session, id)
        return profile


async def read_profile(context: Context, *, account_id: UUID) -> ProfileFact:
    """Raises ``ProfileNotFound``."""
    async with context.database.reading() as connection:
        return await profiles.get_profile(connection, account_id)
