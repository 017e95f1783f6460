"""What is open to a reader, and why."""

from litestar import get
from litestar.di import NamedDependency

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.usecases import list_entitlements
from service.usecases.context import Context
from service.usecases.list_entitlements import HeldEntitlement


@get("/entitlements")
async def list_own(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[HeldEntitlement]:
    """Every knowledge base whose paid tier is open now, with each subscription, pass or gift for it."""
    bound = f"entitlements:{person.account_id}"
    rows = await list_entitlements.list_entitlements(
        context, account_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.knowledge_base_id)


handlers = [list_own]
