"""The gate of one process: the queues in which calls wait to be admitted and to be settled."""

from dataclasses import dataclass

from billing.metering.settling import Settled
from service.access.calls import Admission, Call, Close
from service.platform.batcher import Batcher


@dataclass(frozen=True)
class Gate:
    """Built once by ``service.usecases.open_gate``; a call goes through both."""

    admissions: Batcher[Call, Admission]
    endings: Batcher[Close, Settled]

    async def close(self) -> None:
        """Lets everyone who waits through, and returns then."""
        await self.admissions.close()
        await self.endings.close()
