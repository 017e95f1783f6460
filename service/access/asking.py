"""Loading what a decision needs. The primary is asked each time: a revoke counts from its acknowledgement on."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.scope import AccessScope
from service.access.decision import Decision


async def decide_for_account(
    session: AsyncSession | AsyncConnection, account_id: UUID | None, knowledge_base_ids: Sequence[UUID]
) -> dict[UUID, Decision]:
    """What the account (``None``: nobody signed in) may see of each knowledge base, now.

    A base that is missing, deleted, or neither shown to all nor open to this account is absent: the
    caller answers as if it did not exist. Free questions are no part of this; only asking spends them.
    """
    raise NotImplementedError


async def scope_of(session: AsyncSession | AsyncConnection, decisions: Iterable[Decision]) -> AccessScope:
    """The scope of a search under these decisions, with each index's generation and excluded documents."""
    raise NotImplementedError
