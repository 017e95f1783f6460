"""What of a creator's shares stays with the platform, since one organization may give only so much. Pure.

A creator can be their own customer in disguise: an organization that buys calls which nobody needs. What it
pays is real, so small amounts are left alone; beyond them no organization may be more than a part of what a
creator accrues in a month. A limit depends on the month's sums, not on the order in which calls came.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.money import allocate

WHOLE_BPS = 10_000


@dataclass(frozen=True)
class Limits:
    """``untouched`` minor units may come from one organization in any month, and beyond them
    ``organization_max_bps`` of all that the creator accrues in it."""

    untouched: int
    organization_max_bps: int

    def allowed(self, everywhere: int) -> int:
        """The most that one organization may give, of ``everywhere`` accrued from all."""
        return max(self.untouched, everywhere * self.organization_max_bps // WHOLE_BPS)


@dataclass(frozen=True)
class Accrued:
    """What one creator accrued in one month: from one organization on earlier invoices, what was left of that
    by the limits, from the same organization on this invoice, and from all organizations, these included."""

    before: int
    left_before: int
    now: int
    everywhere: int


def concentrated(accrued: Accrued, limits: Limits) -> int:
    """What of ``now`` stays with the platform.

    What is left of one organization's month never exceeds what is allowed, or was left already.
    """
    allowed = min(accrued.before + accrued.now, limits.allowed(accrued.everywhere))
    return accrued.now - min(accrued.now, max(allowed - accrued.left_before, 0))


def spread(amount: int, over: Sequence[int]) -> list[int]:
    """Divides ``amount``, at most their sum, over lines in proportion; none is given more than it is."""
    return allocate(amount, over) if amount else [0] * len(over)
