"""A creator sees what a price would really earn, before they choose it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from billing.money import Money
from billing.payouts.pricing import FeeModel, Net, net_of
from billing.plans.pricing import check_amount
from billing.rates.take import take_rate_bps
from service.platform.database import zhihao_now
from service.platform.settings import Settings
from service.usecases.context import Context

MONTHS = 12


@dataclass(frozen=True)
class OverAYear:
    """What a reader's year pays the creator: in twelve payments and in one of the same sum."""

    paid: Money
    monthly_net: int
    yearly_net: int
    gained: int


@dataclass(frozen=True)
class PriceNet:
    """Of one payment at the price, tax left out, as its currency settles. An estimate: cards differ."""

    interval: Literal["month", "year", "once"]
    take_rate_bps: int
    payment: Net
    over_a_year: OverAYear | None


async def price_net(
    context: Context, *, creator_id: UUID, price: Money, interval: Literal["month", "year", "once"]
) -> PriceNet:
    """Raises ``InvalidAmount``."""
    settings = context.settings
    least = Money(settings.minimum_charge, settings.currency)
    check_amount(price, least=least, most=settings.plan_max_amount)
    async with context.database.reading() as connection:
        take = await take_rate_bps(
            connection,
            creator_id=creator_id,
            at=await zhihao_now(connection),
            default=settings.take_rate_bps,
        )
    model = _model(settings, price.currency)
    payment = net_of(price, model=model, take_rate_bps=take)
    return PriceNet(interval, take, payment, _compared(price, interval, model, take))


def _compared(price: Money, interval: str, model: FeeModel, take: int) -> OverAYear | None:
    if interval == "once":
        return None
    monthly = price.amount if interval == "month" else price.amount // MONTHS
    year = Money(monthly * MONTHS if interval == "month" else price.amount, price.currency)
    apart = net_of(Money(monthly, price.currency), model=model, take_rate_bps=take).net * MONTHS
    at_once = net_of(year, model=model, take_rate_bps=take).net
    return OverAYear(year, apart, at_once, at_once - apart)


def _model(settings: Settings, currency: str) -> FeeModel:
    fixed = settings.processing_fee_of(currency)
    return FeeModel(settings.processing_fee_bps, Decimal(0) if fixed is None else fixed)
