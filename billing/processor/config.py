"""What the payment processor's adapter is told; ``service.platform.settings`` fills it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessorConfig:
    """``api_base`` is the sandbox's address, or None for Stripe itself.

    ``timeout_seconds`` is of one HTTP request, which is tried ``1 + max_network_retries`` times.
    ``automatic_tax`` lets Stripe compute tax, which wants registrations in the Stripe account.
    """

    api_key: str
    api_base: str | None = None
    timeout_seconds: float = 10.0
    max_network_retries: int = 2
    automatic_tax: bool = False
