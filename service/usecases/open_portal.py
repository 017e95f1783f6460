"""Whoever pays looks after what they pay with: the processor's own page."""

from dataclasses import dataclass
from uuid import UUID

from billing.metering import contracts
from billing.subscriptions import projecting
from service.access.admission import ContractRequired
from service.accounts.organizations import require_role
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.start_contract import STARTERS


@dataclass(frozen=True)
class PortalOpened:
    """Serves for minutes; whoever has the address may use it."""

    url: str


async def open_portal(
    context: Context, *, subscription_id: UUID, account_id: UUID, return_url: str | None, once: Once | None
) -> PortalOpened:
    """Cards, invoices, and ending what runs, of the customer that has this subscription.

    What is changed there reaches us as any other change does. Raises ``SubscriptionNotFound``,
    ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, PortalOpened)) is not None:
            return kept
        known = await projecting.find(session, id=subscription_id, account_id=account_id)
    return await _open(context, known.stripe_customer_id, return_url, once)


async def open_organization_portal(
    context: Context, *, organization_id: UUID, account_id: UUID, return_url: str | None, once: Once | None
) -> PortalOpened:
    """The same for what an organization pays with; for those who may take a contract.

    Raises ``ContractRequired`` when none was ever paid for, ``OrganizationNotFound``, ``RoleMissing``,
    ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    async with context.database.transaction() as session:
        await require_role(session, organization_id, account_id, *STARTERS)
        if (kept := await claim(session, once, PortalOpened)) is not None:
            return kept
        contract = await contracts.find(session, organization_id)
        if contract is None or contract.stripe_customer_id is None:
            raise ContractRequired("this organization has no contract")
    return await _open(context, contract.stripe_customer_id, return_url, once)


async def _open(
    context: Context, customer_id: str, return_url: str | None, once: Once | None
) -> PortalOpened:
    async with forgotten_on_failure(context.database, once):
        url = await context.payments.open_portal(
            customer_id,
            return_url=return_url or context.settings.public_url.rstrip("/"),
            idempotency_key=f"portal:{new_id()}",
        )
        opened = PortalOpened(url)
        async with context.database.transaction() as session:
            await keep(session, once, opened)
        return opened
