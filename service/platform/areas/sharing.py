"""Settings of what accrues to creators from metered calls and from the traffic pool."""

from pydantic import BaseModel, Field


class SharingSettings(BaseModel):
    creator_metered_share_bps: int = Field(5000, ge=0, le=10_000)
    """The share of a metered call's standard price that accrues to the creators it drew from."""
    share_own_bps: int = Field(0, ge=0, le=10_000)
    """What is left of a creator's share of calls by an organization that they are a member of."""
    share_untouched_amount: int = Field(1_000_000, ge=0)
    """What a creator may always accrue from one organization in a month."""
    share_organization_max_bps: int = Field(5000, ge=0, le=10_000)
    """Beyond that: the most of what a creator accrues in a month that one organization may give."""
    pool_bps: int = Field(1000, ge=0, le=10_000)
    """Of the platform's net take of a month, for the creators whose free content was read. Operators may set
    another."""
    pool_close_days: int = Field(5, ge=0)
    """After a month's end, when its pool is divided."""
    pool_sweep_seconds: int = Field(3600, ge=60)
    pool_creator_max_bps: int = Field(3000, ge=0, le=10_000)
    """The most of a pool that one creator may have."""
    pool_min_readers: int = Field(10, ge=0)
    """A creator with fewer readers in the month has nothing of its pool."""
    pool_account_min_hours: int = Field(72, ge=0)
    """How old an account must be to count as a reader."""
    pool_accounts_per_network: int = Field(20, ge=1)
    """The most readers of one network that count in a month."""
    pool_anonymous_readers: bool = True
    """Whether the readers of a network who are not signed in count, together, as one."""
