"""The side of the gateway that looks at what Stripe's meters counted, and at invoices of usage."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from stripe._v1_services import V1Services
from stripe._v2_services import V2Services

from billing.processor.port import ProcessorRefused
from billing.processor.stripe_calls import asked, once, present, seconds
from billing.processor.stripe_snapshots import moment
from billing.processor.usage import MeterProblem

PAGE = 100


class StripeUsage:
    """The part of ``StripeGateway`` that ``ReportedUsage`` names."""

    _v1: V1Services
    _v2: V2Services

    async def find_meters(self) -> Mapping[str, str]:
        listed = await asked(self._v1.billing.meters.list_async({"status": "active", "limit": PAGE}))
        return {meter["event_name"]: meter["id"] for meter in listed["data"]}

    async def sum_usage(self, *, meter_id: str, customer_id: str, start: datetime, end: datetime) -> int:
        params = present(customer=customer_id, start_time=seconds(start), end_time=seconds(end))
        found = await asked(self._v1.billing.meters.event_summaries.list_async(meter_id, params))
        return int(sum(summary["aggregated_value"] for summary in found["data"]))

    async def list_usage(
        self, *, meter_id: str, customer_id: str, start: datetime, end: datetime
    ) -> Mapping[datetime, int]:
        hours: dict[datetime, int] = {}
        params = present(
            customer=customer_id,
            start_time=seconds(start),
            end_time=seconds(end),
            value_grouping_window="hour",
            limit=PAGE,
        )
        while True:
            found = await asked(self._v1.billing.meters.event_summaries.list_async(meter_id, params))
            for summary in found["data"]:
                hours[moment(summary["start_time"])] = round(summary["aggregated_value"])
            if not found["has_more"]:
                return {hour: value for hour, value in hours.items() if value}
            params = params | {"starting_after": found["data"][-1]["id"]}

    async def read_meter_problem(self, event_id: str) -> MeterProblem:
        event = await asked(self._v2.core.events.retrieve_async(event_id), for_json=True)
        data: Mapping[str, Any] = event.get("data") or {}
        reason: Mapping[str, Any] = data.get("reason") or {}
        samples: dict[str, str] = {}
        for kind in reason.get("error_types") or ():
            for sample in kind.get("sample_errors") or ():
                identifier = (sample.get("request") or {}).get("identifier")
                if identifier:
                    samples[identifier] = kind["code"]
        return MeterProblem(
            samples, reason.get("error_count") or 0, str(data.get("developer_message_summary") or "")
        )

    async def hold_draft(self, invoice_id: str, *, until: datetime, idempotency_key: str) -> None:
        params = present(auto_advance=True, automatically_finalizes_at=seconds(until))
        with suppress(ProcessorRefused):  # finalized in the meantime
            await asked(self._v1.invoices.update_async(invoice_id, params, once(idempotency_key)))

    async def create_invoice_item(
        self,
        *,
        customer_id: str,
        amount: int,
        currency: str,
        description: str,
        period: tuple[datetime, datetime],
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> str:
        params = present(
            customer=customer_id,
            amount=amount,
            currency=currency,
            description=description,
            period={"start": seconds(period[0]), "end": seconds(period[1])},
            tax_behavior="inclusive",
            metadata=dict(metadata),
        )
        made = await asked(self._v1.invoice_items.create_async(params, once(idempotency_key)))
        return str(made["id"])

    async def bill_items(
        self, *, customer_id: str, currency: str, metadata: Mapping[str, str], idempotency_key: str
    ) -> str:
        params = present(
            customer=customer_id,
            currency=currency,
            auto_advance=True,
            collection_method="charge_automatically",
            pending_invoice_items_behavior="include",
            metadata=dict(metadata),
        )
        made = await asked(self._v1.invoices.create_async(params, once(idempotency_key)))
        return str(made["id"])

    async def find_invoice_item(self, *, customer_id: str, name: str, value: str) -> str | None:
        params = present(customer=customer_id, limit=PAGE)
        while True:
            listed = await asked(self._v1.invoice_items.list_async(params))
            for item in listed["data"]:
                if (item.get("metadata") or {}).get(name) == value:
                    return str(item["id"])
            if not listed["has_more"]:
                return None
            params = params | {"starting_after": listed["data"][-1]["id"]}
