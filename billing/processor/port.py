"""What the rest of billing asks of a payment processor, in our words.

Snapshots are what the processor said when it was asked; they carry no behaviour. Every method that changes
something takes the caller's ``idempotency_key``, kept with the intent it belongs to: the same key never
does the same thing twice. Times are UTC. Each method raises ``ProcessorUnavailable`` when the outcome is
unknown or may be tried again, ``ProcessorRefused`` when the processor said no, and ``ProcessorObjectMissing``
when it does not know the object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from billing.money import Money
from billing.processor.balance import BalanceHistory
from billing.processor.disputes import Disputes
from billing.processor.portal import CustomerPortal
from billing.processor.refunds import Refunds
from billing.processor.schedules import ScheduledChanges
from billing.processor.transfers import Transfers
from billing.processor.usage import ReportedUsage


class ProcessorUnavailable(Exception):
    """The processor could not be reached, is overloaded or failed: the outcome is unknown, ask later."""


class ProcessorFailureKept(ProcessorUnavailable):
    """The processor failed and keeps that failure under this idempotency key: whether anything was done is
    unknown, and to be looked up; only another key can do it again."""


class ProcessorRefused(Exception):
    """The processor understood and said no. ``code`` is its word for why."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ProcessorObjectMissing(ProcessorRefused):
    """The processor has no such object."""


Interval = Literal["month", "year"]
Meter = Literal["passages", "answers", "creator_prices"]
"""``creator_prices`` counts minor units: what creators ask on top of a metered call."""


@dataclass(frozen=True)
class LineItem:
    """One thing to pay for: a stored price, or an amount with a name. Metered prices have no quantity."""

    price_id: str | None = None
    amount: Money | None = None
    name: str | None = None
    quantity: int | None = 1


@dataclass(frozen=True)
class CheckoutRequest:
    """A hosted payment page. ``metadata`` is put on the session and on what the session makes.

    ``terms`` (1,200 characters at most) are shown beside the button; with ``require_agreement`` the buyer
    ticks a box that links to the terms of service which the processor was told of.
    """

    mode: Literal["subscription", "payment"]
    line_items: Sequence[LineItem]
    success_url: str
    cancel_url: str
    client_reference_id: str
    metadata: Mapping[str, str]
    customer_id: str | None = None
    customer_email: str | None = None
    trial_days: int = 0
    billing_cycle_anchor: datetime | None = None
    transfer_group: str | None = None
    terms: str | None = None
    require_agreement: bool = False


@dataclass(frozen=True)
class CheckoutSnapshot:
    """``status`` is open, complete or expired; ``payment_status`` paid, unpaid or no_payment_required.

    ``failed``: it is complete, and its payment, which was to come later, did not.
    """

    id: str
    url: str | None
    mode: str
    status: str
    payment_status: str
    metadata: Mapping[str, str]
    customer_id: str | None = None
    subscription_id: str | None = None
    payment_intent_id: str | None = None
    expires_at: datetime | None = None
    tax: int = 0
    failed: bool = False


@dataclass(frozen=True)
class SubscriptionSnapshot:
    """``status`` in Stripe's words; the period is that of its first item.

    ``schedule_id`` is the schedule that manages it, ``pending_price_id`` what it changes to once its open
    invoice is paid. ``latest_invoice`` is absent where the processor was not asked, but told of it.
    """

    id: str
    customer_id: str
    status: str
    price_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    started_at: datetime
    current_period_start: datetime | None
    current_period_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    trial_end: datetime | None
    latest_invoice_id: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    schedule_id: str | None = None
    pending_price_id: str | None = None
    latest_invoice: "InvoiceSnapshot | None" = None


@dataclass(frozen=True)
class Charge:
    """A successful payment: what the buyer paid, and what it settled as in the platform's balance.

    ``presented`` is in the buyer's currency; ``settled``, ``fee`` and ``exchange_rate`` are the balance
    transaction's, in the settlement currency. ``refunded`` is how much of ``presented`` was given back.
    """

    id: str
    payment_intent_id: str | None
    balance_transaction_id: str
    presented: Money
    settled: Money
    fee: int
    exchange_rate: Decimal | None
    refunded: int
    paid_at: datetime
    customer_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InvoiceLine:
    """One line of an invoice, real or previewed; ``amount`` in minor units of the invoice's currency."""

    description: str
    amount: int
    quantity: int | None
    price_id: str | None
    period_start: datetime
    period_end: datetime
    item_id: str | None = None


@dataclass(frozen=True)
class InvoiceSnapshot:
    """An invoice, or the preview of the next one (then ``id`` may be None). A person can pay it at
    ``hosted_url``; the processor tries again by itself at ``next_attempt_at``."""

    id: str | None
    customer_id: str | None
    subscription_id: str | None
    status: str | None
    currency: str
    total: int
    tax: int
    amount_due: int
    amount_paid: int
    period_start: datetime
    period_end: datetime
    lines: tuple[InvoiceLine, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    hosted_url: str | None = None
    next_attempt_at: datetime | None = None
    reason: str | None = None
    finalizes_at: datetime | None = None
    finalized_at: datetime | None = None
    attempted: bool = False


@dataclass(frozen=True)
class ProcessorAccount:
    """A creator's account at the processor. ``requirements`` names what it still asks for."""

    id: str
    country: str | None
    details_submitted: bool
    transfers_enabled: bool
    payouts_enabled: bool
    disabled_reason: str | None
    requirements: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MeterPrices:
    """The two meters' ids and the metered price of each, by meter name."""

    meters: Mapping[Meter, str]
    prices: Mapping[Meter, str]


@dataclass(frozen=True)
class ProcessorEvent:
    """A verified notification. ``lane`` orders work: events of one lane are worked one at a time."""

    id: str
    type: str
    account: str | None
    object_id: str
    lane: str
    created_at: datetime
    livemode: bool
    api_version: str | None
    raw: bytes


class PaymentProcessor(
    Refunds, Disputes, ScheduledChanges, CustomerPortal, Transfers, BalanceHistory, ReportedUsage, Protocol
):
    """A processor of payments; Stripe, or the sandbox that stands in for it."""

    async def create_customer(
        self, *, email: str | None, name: str | None, metadata: Mapping[str, str], idempotency_key: str
    ) -> str:
        """Returns the customer's id."""
        ...

    async def create_product(self, *, name: str, metadata: Mapping[str, str], idempotency_key: str) -> str:
        """Returns the product's id."""
        ...

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
        """A price, tax included; recurring by ``interval`` or, with None, paid once. Returns its id."""
        ...

    async def archive_price(self, price_id: str, *, idempotency_key: str) -> None:
        """Nobody can buy at this price from now on; who has it keeps it."""
        ...

    async def create_checkout(self, request: CheckoutRequest, *, idempotency_key: str) -> CheckoutSnapshot:
        """Opens a hosted payment page."""
        ...

    async def expire_checkout(self, session_id: str, *, idempotency_key: str) -> None:
        """Closes an unpaid page; ``ProcessorRefused`` when it is no longer open."""
        ...

    async def retrieve_checkout(self, session_id: str) -> CheckoutSnapshot: ...

    async def retrieve_subscription(self, subscription_id: str) -> SubscriptionSnapshot: ...

    async def set_cancel_at_period_end(
        self, subscription_id: str, cancel: bool, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Lets the subscription end with its paid period, or takes that back."""
        ...

    async def change_price(
        self, subscription_id: str, item_id: str, price_id: str, *, prorate: bool, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Moves the item to another price: with ``prorate``, the difference is billed at once and the change
        waits for its payment; without, the next invoice has the new price."""
        ...

    async def cancel_subscription(
        self, subscription_id: str, *, invoice_now: bool, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Ends the subscription at once; ``invoice_now`` bills metered usage not billed yet."""
        ...

    async def retrieve_invoice(self, invoice_id: str) -> InvoiceSnapshot: ...

    async def list_invoice_charges(self, invoice_id: str) -> list[Charge]:
        """The successful payments of an invoice, with their balance transactions."""
        ...

    async def retrieve_payment(self, payment_intent_id: str) -> Charge | None:
        """The successful charge of a payment intent, or None when nothing was paid (yet)."""
        ...

    async def retrieve_charge(self, charge_id: str) -> Charge | None:
        """As ``retrieve_payment``, by the charge."""
        ...

    async def create_account(
        self, *, email: str | None, country: str | None, metadata: Mapping[str, str], idempotency_key: str
    ) -> ProcessorAccount:
        """An account that can receive transfers once its owner has been onboarded."""
        ...

    async def create_account_link(
        self, account_id: str, *, return_url: str, refresh_url: str, idempotency_key: str
    ) -> str:
        """A hosted onboarding page, valid for minutes and once."""
        ...

    async def retrieve_account(self, account_id: str) -> ProcessorAccount: ...

    async def ensure_metered_prices(
        self,
        *,
        currency: str,
        unit_amounts: Mapping[Meter, Decimal],
        included: Mapping[Meter, int],
        idempotency_key: str,
    ) -> MeterPrices:
        """The meters and metered monthly prices (``unit_amounts`` in minor units, each month's first
        ``included`` units free), made when missing."""
        ...

    async def send_meter_event(
        self, *, meter: Meter, customer_id: str, value: int, timestamp: datetime, identifier: str
    ) -> None:
        """Reports a total. ``identifier`` makes it unique for good: one already delivered is no error."""
        ...

    async def preview_invoice(self, *, customer_id: str, subscription_id: str | None) -> InvoiceSnapshot:
        """What the next invoice would be now."""
        ...

    async def list_events(self, *, since: datetime) -> list[ProcessorEvent]:
        """Everything that happened from ``since`` on, oldest first."""
        ...
