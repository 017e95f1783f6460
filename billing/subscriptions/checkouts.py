"""Checkouts: hosted payments begun. At most one of a reader is open at a knowledge base."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.subscriptions.references import Reference
from billing.subscriptions.tables import checkout


@dataclass(frozen=True)
class Terms:
    """What a buyer agrees to by paying: the words shown beside the button, and the version of our terms."""

    version: str
    text: str


@dataclass(frozen=True)
class OpenCheckout:
    """A checkout that was not paid when it was read."""

    id: UUID
    stripe_session_id: str | None


async def begin(
    session: AsyncSession, reference: Reference, *, ref: str | None, terms: Terms | None = None
) -> None:
    """Keeps the checkout; its page is not known yet."""
    await session.execute(
        sa.insert(checkout).values(
            id=reference.intent_id,
            kind=reference.kind,
            account_id=reference.account_id,
            organization_id=reference.organization_id,
            knowledge_base_id=reference.knowledge_base_id,
            plan_id=reference.plan_id,
            price_id=reference.price_id,
            tip_id=reference.tip_id,
            ref=ref,
            terms_version=terms.version if terms else None,
            terms=terms.text if terms else None,
            status="opening",
        )
    )


async def replace_open(
    session: AsyncSession, *, account_id: UUID, knowledge_base_id: UUID
) -> list[OpenCheckout]:
    """Takes the reader's unpaid checkouts at the knowledge base out of use; returns them.

    Their pages are still to be closed at the processor. Two of these wait for each other, to the end of the
    transaction, so of two checkouts begun at once the later replaces the earlier.
    """
    key = f"checkout:{account_id}:{knowledge_base_id}"
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0))))
    rows = await session.execute(
        sa.update(checkout)
        .where(
            checkout.c.account_id == account_id,
            checkout.c.knowledge_base_id == knowledge_base_id,
            checkout.c.kind.in_(["subscription", "pass"]),
            checkout.c.status.in_(["opening", "open"]),
        )
        .values(status="replaced")
        .returning(checkout.c.id, checkout.c.stripe_session_id)
    )
    return [OpenCheckout(row.id, row.stripe_session_id) for row in rows]


async def open_at(session: AsyncSession | AsyncConnection, knowledge_base_id: UUID) -> list[str]:
    """The pages, by the processor's names, on which something of the knowledge base can still be paid."""
    query = sa.select(checkout.c.stripe_session_id).where(
        checkout.c.knowledge_base_id == knowledge_base_id,
        checkout.c.status == "open",
        checkout.c.stripe_session_id.is_not(None),
    )
    return [str(name) for name in (await session.execute(query.order_by(checkout.c.id))).scalars()]


async def opened(session: AsyncSession, id: UUID, *, stripe_session_id: str, url: str) -> bool:
    """Keeps the page; False when the checkout was replaced meanwhile, so that the page must be closed."""
    values = {"stripe_session_id": stripe_session_id, "url": url}
    current = sa.case((checkout.c.status == "opening", "open"), else_=checkout.c.status)
    row = await session.execute(
        sa.update(checkout)
        .where(checkout.c.id == id)
        .values(**values, status=current)
        .returning(checkout.c.status)
    )
    return bool(row.scalar_one() != "replaced")


async def finish(session: AsyncSession, id: UUID, status: Literal["complete", "expired", "failed"]) -> None:
    """How the checkout ended: what was paid is complete whatever it was before, the rest only if it stood."""
    values: dict[str, Any] = {"status": status}
    if status == "complete":
        now = sa.func.zhihao_now()
        values |= {"completed_at": now, "agreed_at": sa.case((checkout.c.terms.is_not(None), now))}
    standing = ["opening", "open"] + (["replaced", "expired"] if status == "complete" else [])
    await session.execute(
        sa.update(checkout).where(checkout.c.id == id, checkout.c.status.in_(standing)).values(**values)
    )


async def session_of(session: AsyncSession | AsyncConnection, id: UUID) -> str | None:
    """The processor's name for the checkout's page."""
    found: str | None = await session.scalar(
        sa.select(checkout.c.stripe_session_id).where(checkout.c.id == id)
    )
    return found


async def status_of(session: AsyncSession | AsyncConnection, stripe_session_id: str) -> str | None:
    """How the checkout with this page stands; None when it is not ours."""
    found: str | None = await session.scalar(
        sa.select(checkout.c.status).where(checkout.c.stripe_session_id == stripe_session_id)
    )
    return found


async def ref_of(session: AsyncSession | AsyncConnection, id: UUID) -> str | None:
    """Where the visit that led to the checkout came from."""
    ref: str | None = await session.scalar(sa.select(checkout.c.ref).where(checkout.c.id == id))
    return ref
