"""Settings of what is sold and to whom. Money is in minor units of ``currency``."""

from pydantic import BaseModel, Field


class SellingSettings(BaseModel):
    currency: str = "cny"
    """Of metered prices and of amounts set here."""
    take_rate_bps: int = Field(2000, ge=0, le=10_000)
    """The platform's share of what was paid less tax, in basis points."""
    minimum_charge: int = Field(500, ge=0)
    plan_max_amount: int = Field(100_000_000, ge=1)
    tips_per_hour: int = Field(60, ge=1)
    """Begun by one account, paid or not."""
    trial_max_days: int = Field(90, ge=0)
    pass_max_days: int = Field(3660, ge=1)
    """Of a prepaid pass."""
    grace_days: int = Field(7, ge=0)
    """How long a past-due subscription or invoice keeps its access."""
    price_change_notice_days: int = Field(30, ge=0)
    """The least notice of a dearer price that a creator may give to those who have subscribed."""
    price_change_notice_max_days: int = Field(366, ge=0)
    change_sweep_seconds: int = Field(600, ge=1)
    """How often changes of subscriptions are looked for whose time has come."""
    terms_version: str = "1"
    """Kept with each checkout, beside the text that was shown."""
    terms_required: bool = False
    """Whether buyers tick a box for the terms of service, whose address Stripe's dashboard must name."""
