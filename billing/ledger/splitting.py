"""Who gets what of a payment. Pure: the same amounts always split the same way, and sum back.

Less tax, the rest is divided between creators and platform, and the processor's fee is borne in the same
proportion. A refund takes back what its part of the sale gave, and refunds that add up to the whole sale take
back the whole of every share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry
from billing.money import allocate

WHOLE_BPS = 10_000


@dataclass(frozen=True)
class Split:
    """Minor units of one currency: creators + platform + tax is what was paid, the fees are the fee."""

    creators: Mapping[UUID, int]
    platform: int
    tax: int
    creator_fees: Mapping[UUID, int]
    platform_fee: int

    @property
    def paid(self) -> int:
        return sum(self.creators.values()) + self.platform + self.tax

    @property
    def fee(self) -> int:
        return sum(self.creator_fees.values()) + self.platform_fee


def settled_tax(settled: int, paid: int, tax: int) -> int:
    """The tax's part of what a payment settled as, when it was paid in another currency."""
    return allocate(settled, [paid - tax, tax])[1] if paid else 0


def split_sale(settled: int, *, tax: int, fee: int, creator_id: UUID, take_rate_bps: int) -> Split:
    """A sale of one creator's: ``take_rate_bps`` of it, less tax, is the platform's."""
    weights = [WHOLE_BPS - take_rate_bps, take_rate_bps]
    creator, platform = allocate(settled - tax, weights)
    creator_fee, platform_fee = allocate(fee, weights)
    return Split({creator_id: creator}, platform, tax, {creator_id: creator_fee}, platform_fee)


def split_metered(settled: int, *, tax: int, fee: int, billed: int, accrued: Mapping[UUID, int]) -> Split:
    """A metered invoice: each creator has what accrued of the ``billed`` usage, the platform the rest.

    When less was settled than billed (credits), or in another currency, everybody has it in proportion.
    """
    creators = sorted(accrued)
    rest = max(billed - sum(accrued.values()), 0)
    weights = [*(accrued[creator] for creator in creators), rest]
    if not any(weights):
        weights[-1] = 1
    *shares, platform = allocate(settled - tax, weights)
    *fees, platform_fee = allocate(fee, weights)
    return Split(
        dict(zip(creators, shares, strict=True)),
        platform,
        tax,
        dict(zip(creators, fees, strict=True)),
        platform_fee,
    )


def sale_entries(split: Split, currency: str) -> list[Entry]:
    """What a payment posts. The processor's balance moves by what reached it: paid less fee."""
    return [
        Entry(Account("stripe_balance", currency), split.paid - split.fee),
        Entry(Account("tax_payable", currency), -split.tax),
        Entry(Account("platform_revenue", currency), -split.platform),
        Entry(Account("processor_fees", currency), split.platform_fee),
        *(Entry(Account("creator_earned", currency, who), -share) for who, share in split.creators.items()),
        *(Entry(Account("creator_fees", currency, who), fee) for who, fee in split.creator_fees.items()),
    ]


def split_of(entries: Sequence[Entry]) -> Split:
    """The split that ``sale_entries`` made these of."""
    totals: dict[str, int] = {}
    creators: dict[UUID, int] = {}
    fees: dict[UUID, int] = {}
    for entry in entries:
        kind, owner = entry.account.kind, entry.account.owner_id
        if owner is None:
            totals[kind] = totals.get(kind, 0) + entry.amount
        elif kind == "creator_earned":
            creators[owner] = creators.get(owner, 0) - entry.amount
        elif kind == "creator_fees":
            fees[owner] = fees.get(owner, 0) + entry.amount
    platform, tax = -totals.get("platform_revenue", 0), -totals.get("tax_payable", 0)
    return Split(creators, platform, tax, fees, totals.get("processor_fees", 0))


def refund_shares(shares: Sequence[int], *, before: int, after: int) -> list[int]:
    """What refunds take from each share when ``before`` of their sum was given back and now ``after`` is.

    Counted from the whole each time, so that many small refunds round no further than one large one.
    """
    gone = allocate(before, shares) if before else [0] * len(shares)
    return [now - then for now, then in zip(allocate(after, shares), gone, strict=True)]


def refund_entries(
    split: Split, currency: str, *, before: int, amount: int, fee: int, moved: int | None = None
) -> list[Entry]:
    """What giving back ``amount`` posts, after ``before`` was given back. The platform bears ``fee``.

    Below zero, ``amount`` comes back. ``moved`` is what left the balance when it is another amount: the
    difference, of exchange rates or of more than the sale was, is the platform's.
    """
    moved = amount if moved is None else moved
    creators = sorted(split.creators)
    shares = [*(split.creators[who] for who in creators), split.platform, split.tax]
    *theirs, platform, tax = refund_shares(shares, before=before, after=before + amount)
    return [
        Entry(Account("stripe_balance", currency), -moved - fee),
        Entry(Account("processor_fees", currency), fee),
        Entry(Account("platform_revenue", currency), platform + moved - amount),
        Entry(Account("tax_payable", currency), tax),
        *(
            Entry(Account("creator_refunded", currency, who), share)
            for who, share in zip(creators, theirs, strict=True)
        ),
    ]
