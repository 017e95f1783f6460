"""A payment processor in memory, for benches of our own work: readers who subscribe, pay, and take back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from billing.money import Money
from billing.processor.port import (
    Charge,
    CheckoutSnapshot,
    InvoiceLine,
    InvoiceSnapshot,
    SubscriptionSnapshot,
)
from billing.processor.refunds import BalanceMovement, Refund
from billing.subscriptions.references import Reference

MONTH = timedelta(days=30)
PRICE = Money(990, "cny")
FEE = 59
CREATORS = 20
EVERY = 20
"""Every so many readers one gets a part of the money back."""


class MemoryProcessor:
    """Knows what became of each reader by number: the state a fetch answers is always the last."""

    def __init__(self, names: UUID) -> None:
        self._names = names
        self._start = datetime(2026, 11, 1, tzinfo=UTC)
        self.began = int(self._start.timestamp())

    def story(self, reader: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events of one reader in the order they happen, each with the object it is about."""
        customer = f"cus_{reader}"
        yield "customer.subscription.created", self._named("sub", "subscription", reader, customer)
        yield "checkout.session.completed", self._named("cs", "checkout.session", reader, customer)
        yield "invoice.paid", self._named("in", "invoice", reader, customer)
        yield "customer.subscription.updated", self._named("sub", "subscription", reader, customer)
        if not reader % EVERY:
            yield "charge.refunded", self._named("ch", "charge", reader, customer)

    def _named(self, prefix: str, kind: str, reader: int, customer: str) -> dict[str, Any]:
        return {"id": f"{prefix}_{reader}", "object": kind, "customer": customer}

    def _id(self, what: str, number: int) -> UUID:
        return uuid5(self._names, f"{what}:{number}")

    def _metadata(self, reader: int) -> dict[str, str]:
        creator = reader % CREATORS
        return Reference(
            kind="subscription",
            intent_id=self._id("intent", reader),
            account_id=self._id("reader", reader),
            creator_id=self._id("creator", creator),
            knowledge_base_id=self._id("base", creator),
            plan_id=self._id("plan", creator),
            price_id=self._id("price", creator),
        ).to_metadata()

    async def retrieve_checkout(self, session_id: str) -> CheckoutSnapshot:
        reader = _number(session_id)
        return CheckoutSnapshot(
            id=session_id,
            url=None,
            mode="subscription",
            status="complete",
            payment_status="paid",
            metadata=self._metadata(reader),
            customer_id=f"cus_{reader}",
            subscription_id=f"sub_{reader}",
        )

    async def retrieve_subscription(self, subscription_id: str) -> SubscriptionSnapshot:
        reader = _number(subscription_id)
        return SubscriptionSnapshot(
            id=subscription_id,
            customer_id=f"cus_{reader}",
            status="active",
            price_ids=(f"price_{reader % CREATORS}",),
            item_ids=(f"si_{reader}",),
            started_at=self._start,
            current_period_start=self._start,
            current_period_end=self._start + MONTH,
            cancel_at_period_end=not reader % 7,
            canceled_at=None,
            ended_at=None,
            trial_end=None,
            latest_invoice_id=f"in_{reader}",
            metadata=self._metadata(reader),
        )

    async def retrieve_invoice(self, invoice_id: str) -> InvoiceSnapshot:
        reader = _number(invoice_id)
        end = self._start + MONTH
        return InvoiceSnapshot(
            id=invoice_id,
            customer_id=f"cus_{reader}",
            subscription_id=f"sub_{reader}",
            status="paid",
            currency=PRICE.currency,
            total=PRICE.amount,
            tax=0,
            amount_due=0,
            amount_paid=PRICE.amount,
            period_start=self._start,
            period_end=end,
            lines=(InvoiceLine("", PRICE.amount, 1, f"price_{reader % CREATORS}", self._start, end),),
        )

    async def list_invoice_charges(self, invoice_id: str) -> list[Charge]:
        return [await self.retrieve_charge(f"ch_{_number(invoice_id)}")]

    async def retrieve_charge(self, charge_id: str) -> Charge:
        reader = _number(charge_id)
        return Charge(
            id=charge_id,
            payment_intent_id=f"pi_{reader}",
            balance_transaction_id=f"txn_{reader}",
            presented=PRICE,
            settled=PRICE,
            fee=FEE,
            exchange_rate=None,
            refunded=0,
            paid_at=self._start + timedelta(seconds=reader),
            customer_id=f"cus_{reader}",
            metadata=self._metadata(reader),
        )

    async def list_refunds(self, charge_id: str) -> list[Refund]:
        reader = _number(charge_id)
        at = self._start + timedelta(days=1)
        part = Money(100, PRICE.currency)
        return [
            Refund(
                id=f"re_{reader}",
                charge_id=charge_id,
                status="succeeded",
                presented=part,
                left=BalanceMovement(f"txn_re_{reader}", Money(-part.amount, part.currency), 0, at),
                returned=None,
                failure_reason=None,
                created_at=at,
            )
        ]


def _number(id: str) -> int:
    return int(id.rpartition("_")[2])
