"""An organization's metered plan, its spend cap and its next invoice."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from billing.money import Money
from service.enterprise_api.schemas import PortalBody
from service.http.login import Person
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import (
    end_contract,
    open_portal,
    preview_invoice,
    read_contract,
    set_spend_cap,
    start_contract,
)
from service.usecases.context import Context
from service.usecases.open_portal import PortalOpened
from service.usecases.preview_invoice import InvoicePreview
from service.usecases.read_contract import ContractView
from service.usecases.start_contract import ContractCheckout

AtPeriodEnd = Annotated[bool, QueryParameter(description="Let the paid month run out first.")]


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


@get("/organizations/{organization_id:uuid}/contract")
async def get_contract(
    organization_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> ContractView:
    """The contract's state, prices, included units and period."""
    return await read_contract.read_contract(
        context, organization_id=organization_id, account_id=person.account_id
    )


@delete("/organizations/{organization_id:uuid}/contract")
async def delete_contract(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    at_period_end: AtPeriodEnd = False,
) -> None:
    """Ends the contract: no call is let in from now on, and what was used is billed. With `at_period_end`,
    it goes on to the end of the month."""
    await end_contract.end_contract(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        when="period_end" if at_period_end else "now",
    )


@post("/organizations/{organization_id:uuid}/portal")
async def post_portal(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[PortalBody | None] = None,
) -> PortalOpened:
    """A page of the payment processor's: cards, invoices, what is unpaid. It serves for minutes."""
    return await open_portal.open_organization_portal(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        return_url=data.return_url if data else None,
        once=once,
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


handlers = [
    post_contract,
    get_contract,
    delete_contract,
    post_portal,
    put_spend_cap,
    get_spend_cap,
    get_invoice_preview,
]
