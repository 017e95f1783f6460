"""Grants are computed again from what was sold, taken back and given, and compared with those there are."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from billing.entitlements import deriving, grants
from billing.entitlements.deriving import GrantFault
from service.accounts import audit
from service.platform.ids import new_id
from service.usecases.context import Context

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Recomputed:
    """``faults`` are sentences, one for each grant that was not what its source says."""

    faults: list[str]
    fixed: int


async def recompute_grants(
    context: Context, *, fix: bool = False, actor_id: UUID | None = None
) -> Recomputed:
    """Compares every grant with what its source gives rise to; with ``fix`` makes it so.

    A grant without any source is revoked, never deleted: answers were given by it.
    """
    async with context.database.transaction() as session:
        found = [
            fault
            async for fault in deriving.faults(session, grace=timedelta(days=context.settings.grace_days))
        ]
    if not fix:
        return Recomputed([fault.what for fault in found], 0)
    batch = context.settings.sweep_batch
    for start in range(0, len(found), batch):
        await _fix(context, found[start : start + batch], actor_id)
    log.info("grants.recomputed", faults=len(found))
    return Recomputed([fault.what for fault in found], len(found))


async def _fix(context: Context, faults: list[GrantFault], actor_id: UUID | None) -> None:
    async with context.database.transaction() as session:
        for fault in faults:
            derived = fault.derived
            if derived is None:
                await grants.revoke(session, source=fault.source, source_id=fault.source_id)
            else:
                await grants.put(
                    session,
                    id=derived.source_id if derived.source == "complimentary" else new_id(),
                    account_id=derived.account_id,
                    knowledge_base_id=derived.knowledge_base_id,
                    source=derived.source,
                    source_id=derived.source_id,
                    reason=derived.reason,
                    period=derived.period,
                )
            await audit.record(session, actor_id=actor_id, action="grant.recomputed", subject=fault.source_id)
