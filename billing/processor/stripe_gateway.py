"""The payment processor's port on Stripe: the unmodified SDK, pointed at Stripe or at the sandbox.

Every POST carries the caller's idempotency key. The SDK retries connection errors, 409 and 5xx with that
same key; what is left after its retries is raised as ``ProcessorUnavailable``, for the outcome is unknown.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

import stripe

from billing.money import Money
from billing.processor import stripe_events
from billing.processor import stripe_snapshots as snapshots
from billing.processor.config import ProcessorConfig
from billing.processor.port import (
    Charge,
    CheckoutRequest,
    CheckoutSnapshot,
    Interval,
    InvoiceSnapshot,
    LineItem,
    ProcessorAccount,
    ProcessorEvent,
    SubscriptionSnapshot,
)
from billing.processor.stripe_balance import StripeBalance
from billing.processor.stripe_calls import asked, asked_plainly, once, present, seconds
from billing.processor.stripe_disputes import StripeDisputes
from billing.processor.stripe_metering import StripeMetering
from billing.processor.stripe_portal import StripePortal
from billing.processor.stripe_refunds import StripeRefunds
from billing.processor.stripe_schedules import StripeSchedules
from billing.processor.stripe_transfers import StripeTransfers
from billing.processor.stripe_usage import StripeUsage

_WITH_INVOICE = {"expand": ["latest_invoice"]}
"""What a subscription waits for is said by its newest invoice."""


class StripeGateway(
    StripeMetering,
    StripeRefunds,
    StripeDisputes,
    StripeSchedules,
    StripePortal,
    StripeTransfers,
    StripeBalance,
    StripeUsage,
):
    """One client with its connections; ``close`` it at the end of the process."""

    def __init__(self, config: ProcessorConfig) -> None:
        self._config = config
        self._http = stripe.HTTPXClient(timeout=config.timeout_seconds)
        self._stripe = stripe.StripeClient(
            config.api_key,
            base_addresses=_everywhere(config.api_base) if config.api_base else None,
            max_network_retries=config.max_network_retries,
            http_client=self._http,
        )
        super().__init__(self._stripe.v1)
        self._v2 = self._stripe.v2

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK forgot its return type

    # --- who and what ---------------------------------------------------------------------------

    async def create_customer(
        self, *, email: str | None, name: str | None, metadata: Mapping[str, str], idempotency_key: str
    ) -> str:
        params = present(email=email, name=name, metadata=dict(metadata))
        made = await asked(self._v1.customers.create_async(params, once(idempotency_key)))
        return str(made["id"])

    async def create_product(self, *, name: str, metadata: Mapping[str, str], idempotency_key: str) -> str:
        params = present(name=name, metadata=dict(metadata))
        made = await asked(self._v1.products.create_async(params, once(idempotency_key)))
        return str(made["id"])

    async def create_price(
        self,
        *,
        product_id: str,
        amount: Money,
        interval: Interval | None,
        lookup_key: str,
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> str:
        params = present(
            product=product_id,
            currency=amount.currency,
            unit_amount=amount.amount,
            recurring={"interval": interval} if interval else None,
            tax_behavior="inclusive",
            lookup_key=lookup_key,
            metadata=dict(metadata),
        )
        made = await asked(self._v1.prices.create_async(params, once(idempotency_key)))
        return str(made["id"])

    async def archive_price(self, price_id: str, *, idempotency_key: str) -> None:
        await asked(self._v1.prices.update_async(price_id, {"active": False}, once(idempotency_key)))

    # --- checkout -------------------------------------------------------------------------------

    async def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CheckoutSnapshot:
        metadata = dict(request.metadata)
        inherited: dict[str, Any] = {"metadata": metadata}
        if request.mode == "subscription":
            if request.trial_days:
                inherited["trial_period_days"] = request.trial_days
            if request.billing_cycle_anchor:
                inherited["billing_cycle_anchor"] = seconds(request.billing_cycle_anchor)
        elif request.transfer_group:
            inherited["transfer_group"] = request.transfer_group
        taxed = self._config.automatic_tax
        params = present(
            mode=request.mode,
            line_items=[_line_item(item) for item in request.line_items],
            success_url=request.success_url,
            cancel_url=request.cancel_url,
            client_reference_id=request.client_reference_id,
            metadata=metadata,
            customer=request.customer_id,
            customer_email=None if request.customer_id else request.customer_email,
            automatic_tax={"enabled": True} if taxed else None,
            tax_id_collection={"enabled": True} if taxed else None,
            # Tax is of a place: what the page asks is kept with the customer, for the renewals.
            customer_update={"address": "auto", "name": "auto"} if taxed and request.customer_id else None,
            consent_collection={"terms_of_service": "required"} if request.require_agreement else None,
            custom_text={"submit": {"message": request.terms}} if request.terms else None,
            subscription_data=inherited if request.mode == "subscription" else None,
            payment_intent_data=inherited if request.mode == "payment" else None,
        )
        return snapshots.checkout(
            await asked(self._v1.checkout.sessions.create_async(params, once(idempotency_key)))
        )

    async def expire_checkout(self, session_id: str, *, idempotency_key: str) -> None:
        await asked(self._v1.checkout.sessions.expire_async(session_id, {}, once(idempotency_key)))

    async def retrieve_checkout(self, session_id: str) -> CheckoutSnapshot:
        # Whether a payment that comes later has failed is known by its intent alone.
        expanded = {"expand": ["payment_intent"]}
        return snapshots.checkout(
            await asked(self._v1.checkout.sessions.retrieve_async(session_id, present(**expanded)))
        )

    # --- subscriptions --------------------------------------------------------------------------

    async def retrieve_subscription(self, subscription_id: str) -> SubscriptionSnapshot:
        return snapshots.subscription(
            await asked(self._v1.subscriptions.retrieve_async(subscription_id, present(**_WITH_INVOICE)))
        )

    async def set_cancel_at_period_end(
        self, subscription_id: str, cancel: bool, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        return snapshots.subscription(
            await asked(
                self._v1.subscriptions.update_async(
                    subscription_id,
                    present(cancel_at_period_end=cancel, **_WITH_INVOICE),
                    once(idempotency_key),
                )
            )
        )

    async def change_price(
        self, subscription_id: str, item_id: str, price_id: str, *, prorate: bool, idempotency_key: str
    ) -> SubscriptionSnapshot:
        params = present(
            items=[{"id": item_id, "price": price_id}],
            proration_behavior="always_invoice" if prorate else "none",
            payment_behavior="pending_if_incomplete" if prorate else None,
            **_WITH_INVOICE,
        )
        return snapshots.subscription(
            await asked(self._v1.subscriptions.update_async(subscription_id, params, once(idempotency_key)))
        )

    async def cancel_subscription(
        self, subscription_id: str, *, invoice_now: bool, idempotency_key: str
    ) -> SubscriptionSnapshot:
        params = present(invoice_now=True if invoice_now else None, **_WITH_INVOICE)
        return snapshots.subscription(
            await asked(self._v1.subscriptions.cancel_async(subscription_id, params, once(idempotency_key)))
        )

    # --- payments -------------------------------------------------------------------------------

    async def retrieve_invoice(self, invoice_id: str) -> InvoiceSnapshot:
        invoice = await asked(self._v1.invoices.retrieve_async(invoice_id))
        lines = invoice["lines"]
        while lines["has_more"]:
            after = present(limit=100, starting_after=invoice["lines"]["data"][-1]["id"])
            lines = await asked(self._v1.invoices.line_items.list_async(invoice_id, after))
            invoice["lines"]["data"] += lines["data"]
        return snapshots.invoice(invoice)

    async def list_invoice_charges(self, invoice_id: str) -> list[Charge]:
        # Expanding as far as the balance transaction would be one level too deep for Stripe.
        listed = await asked(
            self._v1.invoice_payments.list_async({"invoice": invoice_id, "status": "paid", "limit": 100})
        )
        charges = []
        for paid in listed["data"]:
            payment_intent = snapshots.reference(paid["payment"].get("payment_intent"))
            charge_id = snapshots.reference(paid["payment"].get("charge"))
            if payment_intent is not None:
                charges.append(await self.retrieve_payment(payment_intent))
            elif charge_id is not None:
                charges.append(await self.retrieve_charge(charge_id))
        return [charge for charge in charges if charge is not None]

    async def retrieve_payment(self, payment_intent_id: str) -> Charge | None:
        found = await asked(
            self._v1.payment_intents.retrieve_async(
                payment_intent_id, {"expand": ["latest_charge.balance_transaction"]}
            )
        )
        latest = found.get("latest_charge")
        if found["status"] != "succeeded" or not isinstance(latest, Mapping):
            return None
        # The intent's metadata is ours for certain; Stripe copies it to the charge once, when it is made.
        return snapshots.charge({**latest, "metadata": found.get("metadata")})

    async def retrieve_charge(self, charge_id: str) -> Charge | None:
        return snapshots.charge(
            await asked(self._v1.charges.retrieve_async(charge_id, {"expand": ["balance_transaction"]}))
        )

    # --- creators' accounts ---------------------------------------------------------------------

    async def create_account(
        self, *, email: str | None, country: str | None, metadata: Mapping[str, str], idempotency_key: str
    ) -> ProcessorAccount:
        params = present(
            email=email,
            country=country,
            controller={
                "fees": {"payer": "application"},
                "losses": {"payments": "application"},
                "requirement_collection": "stripe",
                "stripe_dashboard": {"type": "express"},
            },
            capabilities={"transfers": {"requested": True}},
            metadata=dict(metadata),
        )
        return snapshots.account(await asked(self._v1.accounts.create_async(params, once(idempotency_key))))

    async def create_account_link(
        self, account_id: str, *, return_url: str, refresh_url: str, idempotency_key: str
    ) -> str:
        params = present(
            account=account_id, return_url=return_url, refresh_url=refresh_url, type="account_onboarding"
        )
        made = await asked(self._v1.account_links.create_async(params, once(idempotency_key)))
        return str(made["url"])

    async def retrieve_account(self, account_id: str) -> ProcessorAccount:
        return snapshots.account(await asked(self._v1.accounts.retrieve_async(account_id)))

    # --- events ---------------------------------------------------------------------------------

    async def list_events(self, *, since: datetime) -> list[ProcessorEvent]:
        found: list[ProcessorEvent] = []
        after: str | None = None
        while True:
            params = present(created={"gte": seconds(since)}, limit=100, starting_after=after)
            # A page of whole objects is only kept: making the SDK's objects of it costs a hundred times more.
            page = await asked_plainly(self._stripe.raw_request_async("get", "/v1/events", **params))
            found += [stripe_events.read(body, json.dumps(body).encode()) for body in page["data"]]
            if not page["has_more"]:
                return found[::-1]
            after = page["data"][-1]["id"]


def _line_item(item: LineItem) -> dict[str, Any]:
    if item.price_id is not None:
        return cast(dict[str, Any], present(price=item.price_id, quantity=item.quantity))
    assert item.amount is not None, "a line item has a price or an amount"
    return {
        "quantity": item.quantity,
        "price_data": {
            "currency": item.amount.currency,
            "unit_amount": item.amount.amount,
            "product_data": {"name": item.name or "Zhihao"},
            "tax_behavior": "inclusive",
        },
    }


def _everywhere(base: str) -> Any:
    """One server for all of Stripe's hosts. The SDK's own type for this is not exported."""
    return {"api": base, "connect": base, "files": base, "meter_events": base}
