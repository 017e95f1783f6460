"""An organization's contract came into force or ended: its endpoints hear of it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering import contracts
from billing.metering.contracts import RUNNING, ContractFact
from service.outgoing.events import announce


async def tell_of_contract(
    session: AsyncSession, before: ContractFact | None, *, organization_id: UUID
) -> None:
    """In the transaction that changed the contract; ``before`` is what it was, locked."""
    now = await contracts.find(session, organization_id)
    was_running = before is not None and before.status in RUNNING
    is_running = now is not None and now.status in RUNNING
    if now is None or was_running == is_running:
        return
    await announce(
        session,
        "contract.activated" if is_running else "contract.ended",
        organization_id=organization_id,
        object_id=organization_id,
        data={"organization_id": organization_id, "status": now.status},
    )
