"""Plans: what of a knowledge base is sold, and who has it for nothing."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.creator_api.schemas import GrantBody, PlanBody, PlanChanges, RepriceBody
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import change_plan, create_plan, grant_access, reprice_plan
from service.usecases.context import Context
from service.usecases.create_plan import PlanFact
from service.usecases.grant_access import GrantFact
from service.usecases.reprice_plan import RepriceFact


@post("/knowledge-bases/{knowledge_base_id:uuid}/plans")
async def create(
    knowledge_base_id: FromPath[UUID],
    data: JSONBody[PlanBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> PlanFact:
    """On sale as soon as the knowledge base is published. The price has its tax in it."""
    return await create_plan.create_plan(
        context,
        id=new_id(),
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        interval=data.interval,
        days=data.days,
        price=data.price,
        trial_days=data.trial_days,
        once=once,
    )


@get("/knowledge-bases/{knowledge_base_id:uuid}/plans")
async def list_own(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[PlanFact]:
    """All that are or were on sale, newest first."""
    bound = f"plans:{person.account_id}:{knowledge_base_id}"
    found = await create_plan.list_plans(
        context,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(found, page, bound, position=lambda row: row.id)


@patch("/knowledge-bases/{knowledge_base_id:uuid}/plans/{plan_id:uuid}")
async def change(
    knowledge_base_id: FromPath[UUID],
    plan_id: FromPath[UUID],
    data: JSONBody[PlanChanges],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> PlanFact:
    """For whoever buys from now on; who has bought keeps what was bought."""
    return await change_plan.change_plan(
        context,
        plan_id=plan_id,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        price=data.price,
        trial_days=data.trial_days,
        status=data.status,
    )


@post("/knowledge-bases/{knowledge_base_id:uuid}/plans/{plan_id:uuid}/reprice")
async def reprice(
    knowledge_base_id: FromPath[UUID],
    plan_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[RepriceBody | None] = None,
) -> RepriceFact:
    """Those who subscribed at another price are told, and pay the plan's price of now from their first
    renewal after the notice on; a lower price comes with the next."""
    return await reprice_plan.reprice_plan(
        context,
        id=new_id(),
        plan_id=plan_id,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        notice_days=data.notice_days if data else None,
        once=once,
    )


@get("/knowledge-bases/{knowledge_base_id:uuid}/plans/{plan_id:uuid}/reprices")
async def list_reprices(
    knowledge_base_id: FromPath[UUID],
    plan_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[RepriceFact]:
    """The plan's price changes and how far each has come, newest first."""
    bound = f"reprices:{person.account_id}:{plan_id}"
    rows = await reprice_plan.list_reprices(
        context,
        plan_id=plan_id,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@post("/knowledge-bases/{knowledge_base_id:uuid}/grants")
async def grant(
    knowledge_base_id: FromPath[UUID],
    data: JSONBody[GrantBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> GrantFact:
    """Complimentary access to the paid tier, from now on."""
    return await grant_access.grant_access(
        context,
        id=new_id(),
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        email=data.email,
        until=data.until,
        note=data.note,
        once=once,
    )


@get("/knowledge-bases/{knowledge_base_id:uuid}/grants")
async def list_grants(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[GrantFact]:
    """The complimentary ones, newest first."""
    bound = f"grants:{person.account_id}:{knowledge_base_id}"
    found = await grant_access.list_grants(
        context,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(found, page, bound, position=lambda row: row.id)


@delete("/knowledge-bases/{knowledge_base_id:uuid}/grants/{grant_id:uuid}")
async def revoke(
    knowledge_base_id: FromPath[UUID],
    grant_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> None:
    """Taken back, at once. What the account has bought stays."""
    await grant_access.revoke_access(
        context, grant_id=grant_id, knowledge_base_id=knowledge_base_id, owner_id=person.account_id
    )


handlers = [create, list_own, change, reprice, list_reprices, grant, list_grants, revoke]
