"""Settings of metered calls: prices, the gate, caps, and what is told to the processor."""

from pydantic import BaseModel, Field

from service.platform.areas.values import listed


class MeteringSettings(BaseModel):
    price_passages: int = Field(2, ge=0)
    """Per unit of the meter ``passages``."""
    price_answers: int = Field(20, ge=0)
    """Per unit of the meter ``answers``."""
    included_passages: int = Field(0, ge=0)
    included_answers: int = Field(0, ge=0)
    """Units of each meter that cost an organization nothing each month, under contracts made from now on."""
    reservation_seconds: int = Field(300, ge=1)
    gate_batch_size: int = Field(256, ge=1)
    gate_wait_milliseconds: float = Field(1.0, ge=0)
    gate_queue_limit: int = Field(1024, ge=1)
    gate_groups: int = Field(2, ge=1)
    """How many groups of one process are admitted at a time, and how many settled."""
    reservation_sweep_seconds: int = Field(10, ge=1)
    usage_report_seconds: int = Field(60, ge=1)
    usage_report_concurrency: int = Field(8, ge=1)
    """Customers whose usage is told at a time; of one, one total after the other."""
    spend_alert_percents: str = "50,80,100"
    """Comma-separated shares of a cap, in percent, that its organization is told of once a month each."""
    partition_months_ahead: int = Field(2, ge=1, le=24)
    """For how many months to come usage has its tables ready."""
    partition_seconds: int = Field(3600, ge=60)
    invoice_grace_hours: int = Field(24, ge=1, le=72)
    """How long after its month an organization's invoice stays a draft that takes late usage."""
    usage_check_seconds: int = Field(3600, ge=60)
    usage_check_margin_seconds: int = Field(600, ge=0)
    """How long Stripe may take to count what it was told, before an hour is compared."""

    @property
    def alert_percents(self) -> tuple[int, ...]:
        return tuple(sorted({int(percent) for percent in listed(self.spend_alert_percents)}))
