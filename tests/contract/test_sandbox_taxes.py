"""Automatic tax, tax numbers, consent and words on the page."""

from typing import Any

import httpx
import pytest
import stripe

from tests.contract.billing import advance, moment, on_a_clock, subscribe
from tests.contract.sandbox_process import Sandbox
from tests.contract.selling import PAYS, make_price, open_session, post

TAXED: Any = {"automatic_tax": {"enabled": True}}


async def buyer(client: stripe.StripeClient, country: str | None, **more: Any) -> str:
    address: Any = {"address": {"country": country}} if country else {}
    params: Any = {"email": "b@example.com", **address, **more}
    made = await client.v1.customers.create_async(params)
    return made.id


async def test_a_price_holds_its_tax(client: stripe.StripeClient) -> None:
    price = await make_price(client, 1190, tax_behavior="inclusive")
    session = await open_session(
        client,
        mode="subscription",
        customer=await buyer(client, "DE"),
        line_items=[{"price": price.id, "quantity": 1}],
        **TAXED,
    )
    assert session.total_details is not None
    assert (session.automatic_tax.status, session.amount_total) == ("complete", 1190)
    assert session.total_details.amount_tax == 190
    assert (await post(session.url, card=PAYS)).status_code == 303
    session = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["subscription.latest_invoice", "line_items"]}
    )
    assert session.line_items is not None
    assert (session.line_items.data[0].amount_tax, session.line_items.data[0].amount_total) == (190, 1190)
    subscription: Any = session.subscription
    invoice = subscription.latest_invoice
    assert subscription.automatic_tax.enabled
    assert (invoice.total, invoice.total_excluding_tax, invoice.amount_paid) == (1190, 1000, 1190)
    [tax] = invoice.total_taxes
    assert (tax.amount, tax.taxable_amount, tax.tax_behavior) == (190, 1000, "inclusive")
    assert [one.amount for one in invoice.lines.data[0].taxes] == [190]
    rate = await client.v1.tax_rates.retrieve_async(tax.tax_rate_details.tax_rate)
    assert (rate.country, rate.percentage, rate.inclusive) == ("DE", 19.0, True)


async def test_where_a_buyer_is_can_be_said_on_the_page(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    price = await make_price(client, 1060, monthly=False)
    lines: Any = [{"price": price.id, "quantity": 1}]
    for form, tax in (({"country": "cn"}, 60), ({}, 0)):
        session = await open_session(client, mode="payment", line_items=lines, **TAXED)
        assert session.automatic_tax.status == "requires_location_inputs"
        assert (await post(session.url, card=PAYS, **form)).status_code == 303
        session = await client.v1.checkout.sessions.retrieve_async(session.id)
        assert session.total_details is not None
        assert (session.amount_total, session.total_details.amount_tax) == (1060, tax)
    sandbox.control("rules", {"tax_country": "CN"})
    try:
        session = await open_session(client, mode="payment", line_items=lines, **TAXED)
        await post(session.url, card=PAYS)
        session = await client.v1.checkout.sessions.retrieve_async(session.id)
        assert session.customer_details is not None
        assert session.customer_details.address is not None
        assert session.customer_details.address.country == "CN"
    finally:
        sandbox.control("rules", method="DELETE")


async def test_a_price_may_have_its_tax_on_top(client: stripe.StripeClient) -> None:
    price = await make_price(client, 1000, tax_behavior="exclusive", monthly=False)
    session = await open_session(
        client,
        mode="payment",
        customer=await buyer(client, "GB"),
        line_items=[{"price": price.id, "quantity": 2}],
        invoice_creation={"enabled": True},
        **TAXED,
    )
    assert (session.amount_subtotal, session.amount_total) == (2000, 2400)
    await post(session.url, card=PAYS)
    session = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["invoice", "payment_intent"]}
    )
    invoice: Any = session.invoice
    intent: Any = session.payment_intent
    assert (invoice.status, invoice.amount_paid, intent.amount_received) == ("paid", 2400, 2400)
    assert (invoice.subtotal, invoice.total_taxes[0].amount) == (2000, 400)


async def test_a_business_abroad_accounts_for_the_tax_itself(client: stripe.StripeClient) -> None:
    price = await make_price(client, 1190)
    customer = await buyer(client, None)
    lines: Any = {
        "mode": "subscription",
        "customer": customer,
        "line_items": [{"price": price.id, "quantity": 1}],
    }
    for wrong in ({}, {"tax_id_collection": {"enabled": True}, "customer_update": {"address": "auto"}}):
        with pytest.raises(stripe.InvalidRequestError, match="customer_update"):
            await open_session(client, **lines, **TAXED, **wrong)
    session = await open_session(
        client,
        **lines,
        **TAXED,
        tax_id_collection={"enabled": True},
        customer_update={"address": "auto", "name": "auto"},
    )
    await post(session.url, card=PAYS, country="DE", tax_id="DE123456789")
    session = await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["invoice"]})
    invoice: Any = session.invoice
    assert [one.amount for one in invoice.total_taxes] == [0]
    assert invoice.total_taxes[0].taxability_reason == "reverse_charge"
    assert [one.value for one in invoice.customer_tax_ids] == ["DE123456789"]
    [kept] = (await client.v1.customers.tax_ids.list_async(customer)).data
    assert (await client.v1.customers.tax_ids.delete_async(customer, kept.id)).deleted


async def test_renewals_and_previews_are_taxed_too(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    await client.v1.customers.update_async(customer, {"address": {"country": "FR"}})
    price = await make_price(client, 1200)
    subscription = await subscribe(client, customer, price.id, **TAXED)
    preview = await client.v1.invoices.create_preview_async({"subscription": subscription.id})
    assert preview.total_taxes is not None
    assert (preview.total, preview.total_taxes[0].amount) == (1200, 200)
    await advance(client, clock, moment(2026, 2, 15, 2))
    after = await client.v1.subscriptions.retrieve_async(subscription.id, {"expand": ["latest_invoice"]})
    invoice: Any = after.latest_invoice
    assert (invoice.amount_paid, invoice.total_taxes[0].amount) == (1200, 200)
    await client.v1.subscriptions.update_async(subscription.id, {"automatic_tax": {"enabled": False}})
    preview = await client.v1.invoices.create_preview_async({"subscription": subscription.id})
    assert preview.total_taxes == []


async def test_terms_are_agreed_to_and_said_on_the_page(client: stripe.StripeClient) -> None:
    price = await make_price(client)
    session = await open_session(
        client,
        mode="subscription",
        line_items=[{"price": price.id, "quantity": 1}],
        consent_collection={"terms_of_service": "required"},
        custom_text={
            "submit": {"message": "每月自动续费。"},
            "terms_of_service_acceptance": {"message": "我同意"},
        },
    )
    async with httpx.AsyncClient() as http:
        page = (await http.get(str(session.url))).text
    assert "每月自动续费。" in page
    assert 'name="terms"' in page
    for form in ({"terms": "declined"}, {"shown": "1"}):  # said, or a page's box not ticked
        assert (await post(session.url, card=PAYS, **form)).status_code == 402
    assert (await post(session.url, card=PAYS)).status_code == 303
    session = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert session.consent is not None
    assert session.consent.terms_of_service == "accepted"
    assert session.custom_text.submit is not None
