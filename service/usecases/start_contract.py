"""An organization takes the standard metered plan: a page to subscribe on, with no fixed price."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from billing.metering import contracts
from billing.metering.contracts import ContractFact
from billing.processor import customers, intents
from billing.processor.customers import Customer
from billing.processor.port import CheckoutRequest, LineItem, Meter, ProcessorRefused
from service.accounts import audit
from service.accounts.organizations import Role, require_role
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.read_usage import month_of

STARTERS: tuple[Role, ...] = ("owner", "admin", "billing")


@dataclass(frozen=True)
class ContractCheckout:
    """Where to pay; the contract is in force once the processor says so."""

    checkout_url: str
    session_id: str


async def start_contract(
    context: Context, *, id: UUID, organization_id: UUID, account_id: UUID, once: Once | None
) -> ContractCheckout:
    """A page to subscribe on, billed at the first of each month, 00:00 UTC; replaces one not paid yet.

    ``id`` is the intent's. Raises ``ContractExists``, ``OrganizationNotFound``, ``RoleMissing``,
    ``ProcessorRefused`` and ``ProcessorUnavailable``; after the last it may simply be tried again.
    """
    async with context.database.transaction() as session:
        await require_role(session, organization_id, account_id, *STARTERS)
        if (kept := await claim(session, once, ContractCheckout)) is not None:
            return kept
        earlier = await contracts.begin(session, organization_id=organization_id, intent_id=id)
        await intents.begin(
            session,
            id=id,
            kind="contract",
            subject_id=organization_id,
            idempotency_key=f"co:{id}",
            request={"currency": context.settings.currency},
        )
        customer = await customers.organization(session, id=new_id(), organization_id=organization_id)
        _, anchor = month_of(await zhihao_now(session))
    async with forgotten_on_failure(context.database, once):
        try:
            checkout = await _open_page(context, id, organization_id, customer, earlier, anchor)
        except ProcessorRefused as refused:
            async with context.database.transaction() as session:
                await intents.refused(session, id, error=str(refused))
            raise
    async with context.database.transaction() as session:
        await intents.done(session, id, result_id=checkout.session_id)
        await audit.record(
            session,
            actor_id=account_id,
            organization_id=organization_id,
            action="contract.started",
            subject=str(organization_id),
            detail={},
        )
        await keep(session, once, checkout)
    return checkout


async def _open_page(
    context: Context,
    id: UUID,
    organization_id: UUID,
    customer: Customer,
    earlier: ContractFact,
    anchor: datetime,
) -> ContractCheckout:
    settings, payments = context.settings, context.payments
    if earlier.checkout_session_id is not None:
        with suppress(ProcessorRefused):  # paid or expired by now: there is nothing to close
            await payments.expire_checkout(
                earlier.checkout_session_id, idempotency_key=f"expire:{earlier.checkout_session_id}"
            )
    metadata = {"kind": "contract", "organization_id": str(organization_id), "intent_id": str(id)}
    customer_id = customer.stripe_customer_id
    if customer_id is None:
        made = await payments.create_customer(
            email=None,
            name=None,
            metadata={"organization_id": str(organization_id)},
            idempotency_key=customer.idempotency_key(id),
        )
        async with context.database.transaction() as session:
            # Of two made at once the first counts, and all that follows is about that one.
            customer_id = await customers.named(session, customer.id, stripe_customer_id=made)
    unit_amounts: dict[Meter, Decimal] = {
        "passages": Decimal(settings.price_passages),
        "answers": Decimal(settings.price_answers),
        "creator_prices": Decimal(1),
    }
    included: dict[Meter, int] = {
        "passages": settings.included_passages,
        "answers": settings.included_answers,
    }
    prices = await payments.ensure_metered_prices(
        currency=settings.currency,
        unit_amounts=unit_amounts,
        included=included,
        idempotency_key=f"metered:{id}",
    )
    page = await payments.create_checkout(
        CheckoutRequest(
            mode="subscription",
            line_items=[LineItem(price_id=prices.prices[meter], quantity=None) for meter in unit_amounts],
            success_url=f"{settings.public_url}/checkout/success",
            cancel_url=f"{settings.public_url}/checkout/cancelled",
            client_reference_id=str(organization_id),
            metadata=metadata,
            customer_id=customer_id,
            billing_cycle_anchor=anchor,
        ),
        idempotency_key=f"co:{id}",
    )
    assert page.url is not None, "a page that was just opened has an address"
    async with context.database.transaction() as session:
        await contracts.opened(
            session,
            organization_id=organization_id,
            intent_id=id,
            customer_id=customer_id,
            checkout_session_id=page.id,
            checkout_url=page.url,
            meter_prices={prices.prices[meter]: meter for meter in unit_amounts},
            price_terms={
                prices.prices[meter]: (int(amount), included.get(meter, 0))
                for meter, amount in unit_amounts.items()
            },
        )
    return ContractCheckout(checkout_url=page.url, session_id=page.id)
