"""Settings of the payment processor: payouts, fees, refunds, disputes, its events and the books."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from billing.processor.config import ProcessorConfig
from service.platform.areas.values import by_currency, listed


class PayingSettings(BaseModel):
    payout_hold_days: int = Field(7, ge=0)
    """How long what was earned waits before it is paid out: most disputes and refunds come early."""
    payout_run_seconds: int = Field(3600, ge=60)
    payout_batch_creators: int = Field(200, ge=1)
    """Planned in one transaction."""
    payout_concurrency: int = Field(4, ge=1)
    """Payouts asked for at a time."""
    payout_unknown_max: int = Field(3, ge=1)
    """So many unknown outcomes in one run, and the rest of it is left to the next."""
    payout_account_check_seconds: int = Field(240, ge=1)
    """How often an account at the processor is looked at, in case an event of it was lost."""
    payout_account_batch: int = Field(100, ge=1)
    """Of these, one after the other in one run."""
    payout_netted_day: int = Field(10, ge=1, le=28)
    """The day of the month (UTC) from which that month's netted payments are made."""
    payout_minimums: str = "cny:10000,usd:1500,eur:1500,gbp:1500,jpy:2000,hkd:10000"
    """The least of a netted payment, by currency in its minor units; of others, 1."""
    onboarding_days: int = Field(30, ge=0)
    """After a creator's first sale, how long they may go on selling with nowhere to be paid to."""
    processing_fee_bps: int = Field(290, ge=0, le=10_000)
    """What a card payment is reckoned to cost, shown before a price is chosen: in basis points,"""
    processing_fee_fixed: str = (
        "usd:30,cny:213,hkd:234,twd:960,mop:240,sgd:40.5,myr:132,eur:27.6,gbp:23.7,chf:26.4,cad:41.1,aud:45.6,"
        "nzd:49.8,jpy:45,krw:414,thb:1020,vnd:7500,inr:2520,idr:480000,php:1740,bhd:112.8,kwd:92.1,sek:315,"
        "nok:324,dkk:207,brl:162,mxn:555"
    )
    """and a fixed part by currency, in its minor units."""
    refund_sweep_seconds: int = Field(60, ge=1)
    refund_on_fraud_warning: bool = False
    """Whether a payment that its card's issuer calls fraud is given back before it is disputed."""
    dispute_creator_fault_reasons: str = (
        "product_not_received,product_unacceptable,subscription_canceled,credit_not_processed"
    )
    """Comma-separated; the fee of a dispute lost for one of these is the creator's, if no operator says
    otherwise."""
    webhook_sweep_seconds: int = Field(60, ge=1)
    webhook_max_attempts: int = Field(12, ge=1)
    invariant_check_seconds: int = Field(3600, ge=60)
    """How often the quick checks of the doctor run, and the processor's balance is read."""
    invariant_check_all_seconds: int = Field(86_400, ge=60)
    """How often all of its checks do: they read all of history."""

    stripe_api_key: SecretStr = SecretStr("")
    stripe_webhook_secrets: SecretStr = SecretStr("")
    """Comma-separated, newest first; two during a rotation."""
    stripe_thin_webhook_secrets: SecretStr = SecretStr("")
    """The same of the endpoint for thin events; unset, the other endpoint's are taken there too."""
    stripe_api_base: str = ""
    """Set to the sandbox's address when there is no Stripe account."""
    stripe_timeout_seconds: float = Field(10.0, gt=0)
    stripe_automatic_tax: bool = False
    """Whether Stripe computes tax, which wants registrations in the Stripe account."""
    platform_country: str = "US"

    @property
    def sandbox(self) -> bool:
        """Whether payments go to the sandbox: there is no Stripe key of one's own."""
        return not self.stripe_api_key.get_secret_value() or bool(self.stripe_api_base)

    def processor_config(self) -> ProcessorConfig:
        """What the payment processor's adapter is told."""
        return ProcessorConfig(
            api_key=self.stripe_api_key.get_secret_value(),
            api_base=self.stripe_api_base or None,
            timeout_seconds=self.stripe_timeout_seconds,
            automatic_tax=self.stripe_automatic_tax,
        )

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return listed(self.stripe_webhook_secrets.get_secret_value())

    def webhook_secrets_of(self, endpoint: Literal["snapshot", "thin"]) -> tuple[str, ...]:
        """Those that sign what comes to this endpoint."""
        thin = listed(self.stripe_thin_webhook_secrets.get_secret_value())
        return thin if endpoint == "thin" and thin else self.webhook_secrets

    @property
    def creator_fault_reasons(self) -> frozenset[str]:
        return frozenset(listed(self.dispute_creator_fault_reasons))

    def payout_minimum(self, currency: str) -> int:
        """The least of a netted payment, in minor units."""
        return int(by_currency(self.payout_minimums).get(currency, 1))

    def processing_fee_of(self, currency: str) -> Decimal | None:
        """The fixed part of what a card payment costs, in minor units; None where it is not known."""
        return by_currency(self.processing_fee_fixed).get(currency)
