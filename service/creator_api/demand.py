"""What readers asked that nothing answered."""

from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.http.login import Person
from service.http.periods import From, To, period_of
from service.usecases.context import Context
from service.usecases.read_demand import DemandPage, read_demand


@get("/knowledge-bases/{knowledge_base_id:uuid}/demand")
async def demand(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    since: From = None,
    until: To = None,
) -> DemandPage:
    """Refused questions that enough readers share, in the words that they share; nobody is named."""
    start, end = period_of(since, until)
    return await read_demand(
        context, knowledge_base_id=knowledge_base_id, owner_id=person.account_id, start=start, end=end
    )


handlers = [demand]
