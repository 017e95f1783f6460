"""Payout accounts: where a creator is paid, as the processor says it stands."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.payouts.tables import payout_account
from billing.processor.port import ProcessorAccount

Status = Literal["onboarding", "enabled", "restricted", "disconnected"]


@dataclass(frozen=True)
class PayoutAccountFact:
    """``requirements`` names what the processor still asks of the creator."""

    account_id: UUID
    stripe_account_id: str | None
    status: Status
    country: str | None
    payouts_enabled: bool
    requirements: list[str]


async def ensure(session: AsyncSession, account_id: UUID) -> PayoutAccountFact:
    """The creator's payout account, not known to the processor when it is new."""
    await session.execute(
        insert(payout_account).values(account_id=account_id, status="onboarding").on_conflict_do_nothing()
    )
    found = await find(session, account_id)
    assert found is not None
    return found


async def find(session: AsyncSession | AsyncConnection, account_id: UUID) -> PayoutAccountFact | None:
    query = sa.select(payout_account).where(payout_account.c.account_id == account_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _fact(row)


async def project(session: AsyncSession, *, account_id: UUID, account: ProcessorAccount) -> None:
    """Writes what was fetched. The first account of a creator at the processor is the one that counts."""
    status = status_of(account)
    await session.execute(
        sa.update(payout_account)
        .where(
            payout_account.c.account_id == account_id,
            sa.or_(
                payout_account.c.stripe_account_id.is_(None),
                payout_account.c.stripe_account_id == account.id,
            ),
        )
        .values(
            stripe_account_id=account.id,
            country=account.country,
            status=status,
            details_submitted=account.details_submitted,
            transfers_enabled=account.transfers_enabled,
            payouts_enabled=account.payouts_enabled,
            disabled_reason=account.disabled_reason,
            requirements=list(account.requirements),
            updated_at=sa.func.zhihao_now(),
        )
    )


async def disconnected(session: AsyncSession, stripe_account_id: str) -> None:
    """The creator took the account away: nothing can be transferred to it."""
    await session.execute(
        sa.update(payout_account)
        .where(payout_account.c.stripe_account_id == stripe_account_id)
        .values(
            status="disconnected",
            transfers_enabled=False,
            payouts_enabled=False,
            updated_at=sa.func.zhihao_now(),
        )
    )


def status_of(account: ProcessorAccount) -> Status:
    """Before its owner has submitted anything it is being onboarded; afterwards it works, or it does not."""
    if account.transfers_enabled and account.payouts_enabled:
        return "enabled"
    return "restricted" if account.details_submitted else "onboarding"


def _fact(row: sa.Row[Any]) -> PayoutAccountFact:
    return PayoutAccountFact(
        account_id=row.account_id,
        stripe_account_id=row.stripe_account_id,
        status=row.status,
        country=row.country,
        payouts_enabled=row.payouts_enabled,
        requirements=list(row.requirements),
    )
