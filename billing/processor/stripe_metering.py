"""The metered side of the gateway: meters, their prices, totals sent, the next invoice in advance."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from stripe._v1_services import V1Services

from billing.processor import stripe_snapshots as snapshots
from billing.processor.port import InvoiceSnapshot, Meter, MeterPrices, ProcessorRefused
from billing.processor.stripe_calls import asked, once, present, seconds

DELIVERED = "An event already exists with identifier"


class StripeMetering:
    """The part of ``StripeGateway`` that bills usage."""

    def __init__(self, v1: V1Services) -> None:
        self._v1 = v1

    async def ensure_metered_prices(
        self,
        *,
        currency: str,
        unit_amounts: Mapping[Meter, Decimal],
        included: Mapping[Meter, int],
        idempotency_key: str,
    ) -> MeterPrices:
        meters: dict[Meter, str] = {}
        prices: dict[Meter, str] = {}
        listed = await asked(self._v1.billing.meters.list_async({"status": "active", "limit": 100}))
        known = {meter["event_name"]: meter["id"] for meter in listed["data"]}
        for meter, unit_amount in unit_amounts.items():
            key = f"{idempotency_key}:{meter}"
            meters[meter] = known.get(meter) or await self._create_meter(meter, key)
            prices[meter] = await self._metered_price(
                meter, meters[meter], currency, unit_amount, included.get(meter, 0), key
            )
        return MeterPrices(meters=meters, prices=prices)

    async def _create_meter(self, meter: Meter, key: str) -> str:
        params = present(
            display_name=meter,
            event_name=meter,
            default_aggregation={"formula": "sum"},
            # The newest event of an hour overwrites the ones before: an absolute total may be sent again.
            event_time_window="hour",
            customer_mapping={"type": "by_id", "event_payload_key": "stripe_customer_id"},
            value_settings={"event_payload_key": "value"},
        )
        made = await asked(self._v1.billing.meters.create_async(params, once(f"{key}:meter")))
        return str(made["id"])

    async def _metered_price(
        self, meter: Meter, meter_id: str, currency: str, unit_amount: Decimal, included: int, key: str
    ) -> str:
        lookup = f"metered:{meter}:{currency}:{unit_amount.normalize():f}"
        pricing: dict[str, Any] = {"billing_scheme": "per_unit", "unit_amount_decimal": unit_amount}
        if included:
            lookup += f":{included}"
            pricing = {
                "billing_scheme": "tiered",
                "tiers_mode": "graduated",
                "tiers": [
                    {"up_to": included, "unit_amount_decimal": Decimal(0)},
                    {"up_to": "inf", "unit_amount_decimal": unit_amount},
                ],
            }
        found = await asked(self._v1.prices.list_async({"lookup_keys": [lookup], "active": True}))
        for price in found["data"]:
            if price["recurring"]["meter"] == meter_id:
                return str(price["id"])
        params = present(
            currency=currency,
            **pricing,
            recurring={"interval": "month", "usage_type": "metered", "meter": meter_id},
            product_data={"name": f"Zhihao API: {meter}"},
            tax_behavior="inclusive",
            lookup_key=lookup,
            transfer_lookup_key=True,
        )
        made = await asked(self._v1.prices.create_async(params, once(f"{key}:price")))
        return str(made["id"])

    async def send_meter_event(
        self, *, meter: Meter, customer_id: str, value: int, timestamp: datetime, identifier: str
    ) -> None:
        params = present(
            event_name=meter,
            payload={"stripe_customer_id": customer_id, "value": str(value)},
            timestamp=seconds(timestamp),
            identifier=identifier,
        )
        try:
            # No key of ours: a stored failure would be replayed, and the identifier already says once.
            await asked(self._v1.billing.meter_events.create_async(params))
        except ProcessorRefused as refused:
            if DELIVERED not in str(refused):
                raise

    async def preview_invoice(self, *, customer_id: str, subscription_id: str | None) -> InvoiceSnapshot:
        params = present(customer=customer_id, subscription=subscription_id)
        return snapshots.invoice(await asked(self._v1.invoices.create_preview_async(params)))
