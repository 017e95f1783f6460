"""An organization's metered plan, its spend cap and its next invoice."""

from uuid import UUID

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from billing.money import Money
from service.http.login import Person
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import preview_invoice, set_spend_cap, start_contract
from service.usecases.context import Context
from service.usecases.preview_invoice import InvoicePreview
from service.usecases.start_contract import ContractCheckout


@post("/organizations/{organization_id:uuid}/contract")
async def post_contract(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> ContractCheckout:
    """Takes the standard metered plan: a page to subscribe on. It is in force within seconds of that."""
    return await start_contract.start_contract(
        context, id=new_id(), organization_id=organization_id, account_id=person.account_id, once=once
    )


@put("/organizations/{organization_id:uuid}/spend-cap")
async def put_spend_cap(
    organization_id: FromPath[UUID],
    data: JSONBody[Money | None],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> Money | None:
    """The hard limit of each UTC month, for every call from now on; `null` removes it, 0 stops every call."""
    return await set_spend_cap.set_spend_cap(
        context, organization_id=organization_id, account_id=person.account_id, cap=data
    )


@get("/organizations/{organization_id:uuid}/spend-cap")
async def get_spend_cap(
    organization_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> Money | None:
    """The hard limit of each UTC month, or `null`."""
    return await set_spend_cap.read_spend_cap(
        context, organization_id=organization_id, account_id=person.account_id
    )


@get("/organizations/{organization_id:uuid}/invoice-preview")
async def get_invoice_preview(
    organization_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> InvoicePreview:
    """What the next invoice would be now, and beside it what was recorded here this UTC month."""
    return await preview_invoice.preview_invoice(
        context, organization_id=organization_id, account_id=person.account_id
    )


handlers = [post_contract, put_spend_cap, get_spend_cap, get_invoice_preview]
