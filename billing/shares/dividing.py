"""The square's traffic pool, divided by readers. Pure: in which order readers or bases come means nothing.

A reader is worth one unit a month, split equally over the knowledge bases they read, so that nobody can move
more than one unit by reading. What limits take from one creator stays with the platform and raises nobody's
part: to push others below a limit earns nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from billing.money import allocate

UNIT = 720_720
"""Credits of one reader: divided without remainder by every number up to 16."""

WHOLE_BPS = 10_000

Reason = Literal["too_few_readers", "creator_limit", "not_eligible"]


@dataclass(frozen=True)
class PoolLimits:
    """One creator has at most ``creator_max_bps`` of a pool, and nothing of it below ``min_readers``."""

    creator_max_bps: int
    min_readers: int


@dataclass(frozen=True)
class Reading:
    """One knowledge base's month: its readers, and the credits they came to. ``creator_readers`` are distinct
    over all bases of its creator."""

    knowledge_base_id: UUID
    creator_id: UUID
    readers: int
    creator_readers: int
    credits: int


@dataclass(frozen=True)
class PoolPart:
    """What of a pool is the creator's, and what of the base's part stays with the platform, and why."""

    knowledge_base_id: UUID
    creator_id: UUID
    amount: int
    withheld: int
    reason: Reason | None


def pool_of(net_take: int, bps: int) -> int:
    """So much of a month's net take; nothing of a loss."""
    return allocate(net_take, [bps, WHOLE_BPS - bps])[0] if net_take > 0 else 0


def divide(
    pool: int, readings: Sequence[Reading], *, limits: PoolLimits, not_eligible: Collection[UUID] = ()
) -> list[PoolPart]:
    """A part for each reading, by knowledge base. Amounts and what was withheld sum to the pool.

    With no credits at all there are no parts.
    """
    ordered = sorted(readings, key=lambda reading: (reading.knowledge_base_id, reading.creator_id))
    if not any(reading.credits for reading in ordered):
        return []
    due = dict(zip(ordered, allocate(pool, [reading.credits for reading in ordered]), strict=True))
    of_creator: dict[UUID, dict[Reading, int]] = {}
    for reading, part in due.items():
        of_creator.setdefault(reading.creator_id, {})[reading] = part
    parts: dict[Reading, PoolPart] = {}
    for creator_id, theirs in of_creator.items():
        given, reason = _given(pool, creator_id, theirs, limits, not_eligible)
        for reading, part in theirs.items():
            left = part - given[reading]
            parts[reading] = PoolPart(
                reading.knowledge_base_id, creator_id, given[reading], left, reason if left else None
            )
    return [parts[reading] for reading in ordered]


def _given(
    pool: int,
    creator_id: UUID,
    theirs: Mapping[Reading, int],
    limits: PoolLimits,
    not_eligible: Collection[UUID],
) -> tuple[Mapping[Reading, int], Reason | None]:
    nothing = dict.fromkeys(theirs, 0)
    if creator_id in not_eligible:
        return nothing, "not_eligible"
    if max(reading.creator_readers for reading in theirs) < limits.min_readers:
        return nothing, "too_few_readers"
    most = pool * limits.creator_max_bps // WHOLE_BPS
    if sum(theirs.values()) <= most:
        return theirs, None
    return dict(zip(theirs, allocate(most, list(theirs.values())), strict=True)), "creator_limit"
