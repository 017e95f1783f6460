"""How the service stands: invariants as they were checked last, and alarms."""

from litestar import get
from litestar.di import NamedDependency

from service.http.login import Person
from service.usecases import watch_invariants
from service.usecases.context import Context
from service.usecases.watch_invariants import ServiceHealth


@get("/health/invariants")
async def invariants(operator: NamedDependency[Person], context: NamedDependency[Context]) -> ServiceHealth:
    """What must always hold, what broke it, and every alarm there was."""
    return await watch_invariants.read_health(context)


handlers = [invariants]
