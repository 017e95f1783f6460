"""What a sale at some price really comes to: told before the price is chosen."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from billing.ledger.splitting import WHOLE_BPS, split_sale
from billing.money import Money

_SOMEBODY = UUID(int=0)


@dataclass(frozen=True)
class FeeModel:
    """What a card payment costs: basis points, and a fixed part in minor units of the currency."""

    bps: int
    fixed: Decimal

    def fee(self, amount: int) -> int:
        """Rounded half up to whole minor units, and never more than was paid."""
        exact = Decimal(amount) * self.bps / WHOLE_BPS + self.fixed
        return min(amount, int(exact.quantize(Decimal(1), ROUND_HALF_UP)))


@dataclass(frozen=True)
class Net:
    """Of one payment, in minor units: ``net`` = ``earned`` − ``fees`` is what the creator is paid.

    ``processor_fee`` is the whole fee, which platform and creator bear as they share the sale.
    """

    price: Money
    processor_fee: int
    platform: int
    earned: int
    fees: int
    net: int


def net_of(price: Money, *, model: FeeModel, take_rate_bps: int) -> Net:
    """A payment of ``price`` with no tax in it, settled in its own currency."""
    fee = model.fee(price.amount)
    split = split_sale(price.amount, tax=0, fee=fee, creator_id=_SOMEBODY, take_rate_bps=take_rate_bps)
    earned, fees = split.creators[_SOMEBODY], split.creator_fees[_SOMEBODY]
    return Net(price, fee, split.platform, earned, fees, earned - fees)
