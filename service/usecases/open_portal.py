"""A reader looks after what a subscription is paid with: the processor's own page."""

from dataclasses import dataclass
from uuid import UUID

from billing.subscriptions import projecting
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.platform.ids import new_id
from service.usecases.context import Context


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
    async with forgotten_on_failure(context.database, once):
        url = await context.payments.open_portal(
            known.stripe_customer_id,
            return_url=return_url or context.settings.public_url.rstrip("/"),
            idempotency_key=f"portal:{new_id()}",
        )
        opened = PortalOpened(url)
        async with context.database.transaction() as session:
            await keep(session, once, opened)
        return opened
