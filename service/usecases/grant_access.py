"""A creator gives someone access to a knowledge base, or takes it back."""

from datetime import datetime
from uuid import UUID

from billing.entitlements import complimentary, grants
from billing.entitlements.grants import GrantFact as GrantFact
from service.accounts import people
from service.knowledge import knowledge_bases
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.platform.ids import new_id
from service.usecases.context import Context


class InvalidGrant(Exception):
    """A grant that would end before it begins, or to oneself."""

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


async def grant_access(
    context: Context,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    email: str,
    until: datetime | None,
    note: str | None,
    once: Once | None,
) -> GrantFact:
    """Complimentary access to the paid tier, from now, until then or until it is taken back.

    Raises ``KnowledgeBaseNotFound``, ``AccountNotFound``, ``InvalidGrant``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, GrantFact)) is not None:
            return kept
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id)
        now = await zhihao_now(session)
        if until is not None and until <= now:
            raise InvalidGrant("The end must lie in the future.", "/until")
        account_id = await people.find_id_by_email(session, people.canonical_email(email))
        if account_id == owner_id:
            raise InvalidGrant("Your own knowledge base is open to you anyway.", "/email")
        made = await complimentary.give(
            session,
            id=id,
            act_id=new_id(),
            account_id=account_id,
            knowledge_base_id=knowledge_base_id,
            actor_id=owner_id,
            reason=note or "complimentary",
            now=now,
            until=until,
        )
        await keep(session, once, made)
        return made


async def list_grants(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, before: UUID | None, limit: int
) -> list[GrantFact]:
    """The complimentary grants of the creator's knowledge base, newest first, from below ``before``.

    Raises ``KnowledgeBaseNotFound``.
    """
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        return await grants.list_complimentary(
            connection, knowledge_base_id=knowledge_base_id, before=before, limit=limit
        )


async def revoke_access(context: Context, *, grant_id: UUID, knowledge_base_id: UUID, owner_id: UUID) -> None:
    """Takes a complimentary grant back; what the account has bought stays.

    Raises ``KnowledgeBaseNotFound`` and ``GrantNotFound``.
    """
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id)
        given = await grants.find_complimentary(session, id=grant_id, knowledge_base_id=knowledge_base_id)
        await complimentary.end(session, given, act_id=new_id(), actor_id=owner_id)
