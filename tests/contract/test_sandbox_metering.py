"""The v2 side of metering, and what Stripe finds out only later."""

from uuid import uuid4

import stripe

from tests.contract.billing import make_meter
from tests.contract.sandbox_process import SECRET, Sandbox
from tests.contract.stripe_shapes import class_faults

HOUR = 3600


async def counted(client: stripe.StripeClient, meter: str, customer: str, at: int) -> float:
    start = at - at % HOUR
    found = await client.v1.billing.meters.event_summaries.list_async(
        meter, {"customer": customer, "start_time": start, "end_time": start + HOUR}
    )
    return found.data[0].aggregated_value


async def test_an_unknown_customer_is_reported_by_a_thin_event(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    meter = await make_meter(client)
    identifier = str(uuid4())
    await client.v1.billing.meter_events.create_async(
        {
            "event_name": meter.event_name,
            "payload": {"stripe_customer_id": "cus_nobody", "value": "1"},
            "identifier": identifier,
        }
    )
    thin = sandbox.listener.wait_for("v1.billing.meter.error_report_triggered", id=meter.id)
    assert "data" not in thin
    raw = next(text for text in sandbox.listener.raw if thin["id"] in text)
    signed = stripe.WebhookSignature.generate_signature_header(raw, SECRET)
    notification = client.parse_event_notification(raw, signed, SECRET)
    assert isinstance(notification, stripe.events.V1BillingMeterErrorReportTriggeredEventNotification)
    assert notification.related_object.id == meter.id
    event = await client.v2.core.events.retrieve_async(thin["id"])
    assert isinstance(event, stripe.events.V1BillingMeterErrorReportTriggeredEvent)
    [kind] = event.data.reason.error_types
    assert kind.code == "meter_event_customer_not_found"
    assert kind.sample_errors[0].request.identifier == identifier
    full = event.to_dict()
    assert not list(class_faults(type(event.data), full["data"], "data"))


async def test_the_stream_and_its_corrections_are_counted(client: stripe.StripeClient) -> None:
    meter = await make_meter(client)
    customer = await client.v1.customers.create_async({})
    session = await client.v2.billing.meter_event_session.create_async()
    assert session.authentication_token
    same = str(uuid4())
    events = [
        {
            "event_name": meter.event_name,
            "payload": {"stripe_customer_id": customer.id, "value": value},
            "identifier": identifier,
        }
        for value, identifier in (("5", same), ("5", same), ("7", str(uuid4())))
    ]
    await client.v2.billing.meter_event_stream.create_async({"events": events})  # type: ignore[typeddict-item]  # checked at run time
    event = await client.v2.billing.meter_events.create_async(
        {"event_name": meter.event_name, "payload": {"stripe_customer_id": customer.id, "value": "1"}}
    )
    assert event.created
    assert await counted(client, meter.id, customer.id, customer.created) == 13
    await client.v1.billing.meter_event_adjustments.create_async(
        {"event_name": meter.event_name, "type": "cancel", "cancel": {"identifier": same}}
    )
    assert await counted(client, meter.id, customer.id, customer.created) == 8
