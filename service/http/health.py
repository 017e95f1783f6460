"""Whether the process lives, and whether what it leans on answers."""

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec

from service.usecases.check_health import Health, check_health
from service.usecases.context import Context


class Live(msgspec.Struct):
    """The process answers."""

    status: str = "live"


@get("/health/live", tags=["operations"], sync_to_thread=False)
def live() -> Live:
    """Says that the process answers, and asks nothing else."""
    return Live()


@get(
    "/health/ready",
    tags=["operations"],
    responses={503: ResponseSpec(Health, description="The database is away.", generate_examples=False)},
)
async def ready(context: NamedDependency[Context]) -> Response[Health]:
    """Names each dependency. 503 when the database does not answer; `degraded` is still 200."""
    health = await check_health(context)
    return Response(health, status_code=503 if health.status == "down" else 200)
