"""Who is whom at the processor: one customer per (reader, knowledge base), one per organization."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.processor.tables import customer


@dataclass(frozen=True)
class Customer:
    """``stripe_customer_id`` is None until the processor has been told."""

    id: UUID
    stripe_customer_id: str | None

    def idempotency_key(self, intent_id: UUID) -> str:
        """For creating it on the way to ``intent_id``. Another way tries with another key, since a failure
        that the processor keeps under a key would last a day; of two made at once, the first counts."""
        return f"cu:{self.id}:{intent_id}"


async def reader(session: AsyncSession, *, id: UUID, account_id: UUID, knowledge_base_id: UUID) -> Customer:
    """The customer of this reader at this knowledge base, made with ``id`` when there is none."""
    return await _ensured(session, id, account_id=account_id, knowledge_base_id=knowledge_base_id)


async def organization(session: AsyncSession, *, id: UUID, organization_id: UUID) -> Customer:
    """The organization's customer, made with ``id`` when there is none."""
    return await _ensured(session, id, organization_id=organization_id)


async def named(session: AsyncSession, customer_id: UUID, *, stripe_customer_id: str) -> str:
    """Keeps the processor's name for the customer, unless it has one; returns the one it has."""
    row = await session.execute(
        sa.update(customer)
        .where(customer.c.id == customer_id)
        .values(stripe_customer_id=sa.func.coalesce(customer.c.stripe_customer_id, stripe_customer_id))
        .returning(customer.c.stripe_customer_id)
    )
    return str(row.scalar_one())


async def is_ours(session: AsyncSession, stripe_customer_id: str) -> bool:
    """Whether this service made the customer."""
    query = sa.select(sa.exists().where(customer.c.stripe_customer_id == stripe_customer_id))
    return bool(await session.scalar(query))


async def _ensured(session: AsyncSession, id: UUID, **holder: UUID) -> Customer:
    await session.execute(insert(customer).values(id=id, **holder).on_conflict_do_nothing())
    matches = [customer.c[name] == value for name, value in holder.items()]
    query = sa.select(customer.c.id, customer.c.stripe_customer_id).where(*matches)
    row = (await session.execute(query)).one()
    return Customer(row.id, row.stripe_customer_id)
