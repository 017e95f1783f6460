"""Subscription schedules of Stripe's: one phase for what is paid, the next at another price, then let go."""

from stripe._v1_services import V1Services

from billing.processor import stripe_snapshots as snapshots
from billing.processor.port import ProcessorRefused
from billing.processor.schedules import Scheduled
from billing.processor.stripe_calls import asked, once, present

OVER = frozenset({"released", "completed", "canceled"})


class StripeSchedules:
    """The part of ``StripeGateway`` that changes subscriptions at their period's end."""

    _v1: V1Services

    async def schedule_price(
        self, subscription_id: str, schedule_id: str | None, price_id: str, *, idempotency_key: str
    ) -> Scheduled:
        if schedule_id is None:
            # Stripe takes no phases beside from_subscription.
            schedule = await asked(
                self._v1.subscription_schedules.create_async(
                    {"from_subscription": subscription_id}, once(f"{idempotency_key}:create")
                )
            )
        else:
            schedule = await asked(self._v1.subscription_schedules.retrieve_async(schedule_id))
        current = schedule["current_phase"]
        if current is None:
            raise ProcessorRefused("The subscription's schedule has come to its end.")
        start, end = current["start_date"], current["end_date"]
        [phase] = [phase for phase in schedule["phases"] if phase["start_date"] == start]
        items = [
            {"price": snapshots.reference(item["price"]), "quantity": item["quantity"]}
            for item in phase["items"]
        ]
        params = present(
            end_behavior="release",
            proration_behavior="none",
            phases=[
                {"items": items, "start_date": start, "end_date": end, "proration_behavior": "none"},
                {"items": [{"price": price_id, "quantity": 1}], "proration_behavior": "none"},
            ],
        )
        await asked(
            self._v1.subscription_schedules.update_async(
                schedule["id"], params, once(f"{idempotency_key}:phases")
            )
        )
        return Scheduled(schedule["id"], snapshots.moment(end))

    async def release_schedule(self, schedule_id: str, *, idempotency_key: str) -> None:
        found = await asked(self._v1.subscription_schedules.retrieve_async(schedule_id))
        if found["status"] not in OVER:
            await asked(self._v1.subscription_schedules.release_async(schedule_id, {}, once(idempotency_key)))

    async def void_invoice(self, invoice_id: str, *, idempotency_key: str) -> None:
        found = await asked(self._v1.invoices.retrieve_async(invoice_id))
        if found["status"] == "open":
            await asked(self._v1.invoices.void_invoice_async(invoice_id, {}, once(idempotency_key)))
