"""Stripe's customer portal. What it offers is set in Stripe's dashboard; changing plans should not be."""

from stripe._v1_services import V1Services

from billing.processor.stripe_calls import asked, once, present


class StripePortal:
    """The part of ``StripeGateway`` that opens the portal."""

    _v1: V1Services

    async def open_portal(self, customer_id: str, *, return_url: str, idempotency_key: str) -> str:
        params = present(customer=customer_id, return_url=return_url)
        made = await asked(self._v1.billing_portal.sessions.create_async(params, once(idempotency_key)))
        return str(made["url"])
