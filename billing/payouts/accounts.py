"""Payout accounts: where a creator is paid and how, as the processor says it stands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.payouts.reach import Method
from billing.payouts.tables import payout_account
from billing.processor.port import ProcessorAccount

Status = Literal["onboarding", "enabled", "restricted", "disconnected"]


class CountryFixed(Exception):
    """The account is open at the processor, which keeps its country for good."""


class PayoutsManual(Exception):
    """No transfer reaches the creator's country: they are paid by hand, and have nothing to open."""


class SalesStopped(Exception):
    """The creator has sold for long enough without saying where they are to be paid."""


@dataclass(frozen=True)
class PayoutAccountFact:
    """``requirements`` names what the processor still asks of the creator.

    ``details`` is where to pay by hand, as it was given, sealed or not.
    """

    account_id: UUID
    stripe_account_id: str | None
    status: Status
    country: str | None
    payouts_enabled: bool
    requirements: list[str]
    method: Method
    details: bytes | None
    frozen_at: datetime | None
    first_sale_at: datetime | None

    @property
    def ready(self) -> bool:
        """Whether there is somewhere to pay to, or was: what the processor asks again stops no sale."""
        if self.method == "manual":
            return self.details is not None
        return self.status in {"enabled", "restricted"}

    def sales_stop_at(self, *, days: int) -> datetime | None:
        """When sales stop, or stopped; None when nothing stands against them."""
        if self.ready or self.first_sale_at is None:
            return None
        return self.first_sale_at + timedelta(days=days)


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
                # What its owner took away stays away, whatever is told of it late.
                sa.and_(
                    payout_account.c.stripe_account_id == account.id,
                    payout_account.c.status != "disconnected",
                ),
                sa.and_(
                    payout_account.c.stripe_account_id != account.id,
                    payout_account.c.status == "disconnected",
                ),
            ),
        )
        .values(
            stripe_account_id=account.id,
            country=account.country,
            method="transfer",
            status=status,
            details_submitted=account.details_submitted,
            transfers_enabled=account.transfers_enabled,
            payouts_enabled=account.payouts_enabled,
            disabled_reason=account.disabled_reason,
            requirements=list(account.requirements),
            updated_at=sa.func.zhihao_now(),
        )
    )


async def claim_unseen(session: AsyncSession, *, older_than: timedelta, limit: int) -> list[str]:
    """Accounts at the processor that were not looked at for so long, of those left longest.

    From now on they count as looked at, whatever comes of it: one that cannot be read holds up no other.
    """
    now = sa.func.zhihao_now()
    unseen = (
        sa.select(payout_account.c.account_id)
        .where(
            payout_account.c.stripe_account_id.is_not(None),
            payout_account.c.status != "disconnected",
            payout_account.c.updated_at < now - older_than,
        )
        .order_by(payout_account.c.updated_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("unseen")
    )
    claimed = await session.scalars(
        sa.update(payout_account)
        .where(payout_account.c.account_id == unseen.c.account_id)
        .values(updated_at=now)
        .returning(payout_account.c.stripe_account_id)
    )
    return list(claimed)


async def locate(
    session: AsyncSession,
    account_id: UUID,
    *,
    country: str,
    method: Method,
    details: bytes | None,
) -> PayoutAccountFact:
    """Says where the creator is, how they are paid there, and, by hand, where to; None keeps what was given.

    Raises ``CountryFixed``.
    """
    before = await ensure(session, account_id)
    if before.stripe_account_id and before.status != "disconnected" and before.country != country:
        raise CountryFixed("Your account is open; its country stays.")
    kept = payout_account.c.details if details is None else details
    await session.execute(
        sa.update(payout_account)
        .where(payout_account.c.account_id == account_id)
        .values(
            country=country,
            method=method,
            details=kept if method == "manual" else None,
            updated_at=sa.func.zhihao_now(),
        )
    )
    return await ensure(session, account_id)


async def check_selling(session: AsyncSession, creator_id: UUID, *, days: int) -> None:
    """Raises ``SalesStopped`` for a creator who sold first more than ``days`` ago and cannot be paid."""
    account = await find(session, creator_id)
    stop = None if account is None else account.sales_stop_at(days=days)
    if stop is not None and stop <= (await session.execute(sa.select(sa.func.zhihao_now()))).scalar_one():
        raise SalesStopped("This creator sells nothing for now: there is nowhere to pay their share to.")


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
        method=row.method,
        details=row.details,
        frozen_at=row.frozen_at,
        first_sale_at=row.first_sale_at,
    )
