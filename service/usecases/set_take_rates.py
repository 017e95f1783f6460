"""Operators agree on take rates: for everybody, or for one creator, from a moment on."""

from datetime import datetime
from uuid import UUID

from billing.rates import take
from billing.rates.take import TakeRateFact as TakeRateFact
from service.accounts import audit, people
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context


async def set_take_rate(
    context: Context,
    *,
    id: UUID,
    operator_id: UUID,
    creator_id: UUID | None,
    bps: int | None,
    effective_from: datetime | None,
    once: Once | None,
) -> TakeRateFact:
    """Holds for payments made from then on. Raises ``InvalidRate`` and ``AccountNotFound``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, TakeRateFact)) is not None:
            return kept
        if creator_id is not None:
            await people.read(session, creator_id)
        made = await take.set_take_rate(
            session,
            id=id,
            creator_id=creator_id,
            bps=bps,
            effective_from=effective_from,
            set_by=operator_id,
            now=await zhihao_now(session),
        )
        await audit.record(
            session,
            actor_id=operator_id,
            action="take_rate.set",
            subject=creator_id or "platform",
            detail={"bps": bps, "effective_from": made.effective_from.isoformat()},
        )
        await keep(session, once, made)
        return made


async def list_take_rates(
    context: Context, *, creator_id: UUID | None, before: UUID | None, limit: int
) -> list[TakeRateFact]:
    """Every version there was and will be, newest first."""
    async with context.database.reading() as connection:
        return await take.list_take_rates(connection, creator_id=creator_id, before=before, limit=limit)


async def read_take_rate(context: Context, *, creator_id: UUID | None, at: datetime | None) -> int:
    """The rate in force then, or now, in basis points."""
    async with context.database.reading() as connection:
        return await take.take_rate_bps(
            connection,
            creator_id=creator_id,
            at=at or await zhihao_now(connection),
            default=context.settings.take_rate_bps,
        )
