"""Checkout: what is sold, the hosted page, what a payment leaves behind."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe

from tests.contract.sandbox_process import Sandbox
from tests.contract.selling import ASKS, DECLINED, PAYS, make_price, open_session, post


async def test_a_subscription_is_paid_and_its_money_can_be_followed(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    price = await make_price(client, lookup_key=f"k{uuid4()}", tax_behavior="inclusive")
    customer = await client.v1.customers.create_async({"email": "reader@example.com", "name": "读者"})
    session = await open_session(
        client,
        mode="subscription",
        customer=customer.id,
        line_items=[{"price": price.id, "quantity": 1}],
        subscription_data={"metadata": {"kind": "subscription"}},
    )
    paid = await post(session.url, card="4242 4242 4242 4242")
    assert (paid.status_code, paid.headers["location"]) == (303, f"http://127.0.0.1/ok?s={session.id}")
    session = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["line_items", "subscription.latest_invoice", "customer"]}
    )
    assert (session.status, session.payment_status) == ("complete", "paid")
    subscription: Any = session.subscription
    assert subscription.status == "active"
    assert subscription.metadata["kind"] == "subscription"
    item = subscription["items"].data[0]
    assert 28 * 86_400 <= item.current_period_end - item.current_period_start <= 31 * 86_400
    payments = await client.v1.invoice_payments.list_async(
        {
            "invoice": subscription.latest_invoice.id,
            "expand": ["data.payment.payment_intent.latest_charge.balance_transaction"],
        }
    )
    payment: Any = payments.data[0].payment
    moved = payment.payment_intent.latest_charge.balance_transaction
    assert (moved.amount, moved.fee, moved.net, moved.currency) == (990, 242, 748, "cny")
    assert [detail.amount for detail in moved.fee_details] == [242]
    for type, about in (
        ("customer.subscription.created", subscription.id),
        ("checkout.session.completed", session.id),
        ("invoice.paid", subscription.latest_invoice.id),
        ("payment_intent.succeeded", payment.payment_intent.id),
    ):
        event = sandbox.listener.wait_for(type, id=about, seconds=1)
        assert event["api_version"] == "2026-10-28.endive"


async def test_a_tip_is_one_payment_with_its_transfer_group(client: stripe.StripeClient) -> None:
    session = await open_session(
        client,
        mode="payment",
        line_items=[
            {
                "quantity": 1,
                "price_data": {"currency": "cny", "unit_amount": 500, "product_data": {"name": "打賞"}},
            }
        ],
        payment_intent_data={"transfer_group": "tip:1", "metadata": {"kind": "tip"}},
    )
    assert (await post(session.url, card=PAYS)).status_code == 303
    session = await client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )
    intent: Any = session.payment_intent
    assert intent.latest_charge.transfer_group == "tip:1"
    assert intent.metadata["kind"] == "tip"
    assert session.customer is None
    lines = await client.v1.checkout.sessions.line_items.list_async(session.id)
    assert lines.data[0].description == "打賞"


async def test_a_declined_card_shows_the_page_again_with_the_reason(client: stripe.StripeClient) -> None:
    price = await make_price(client)
    session = await open_session(client, mode="subscription", line_items=[{"price": price.id, "quantity": 1}])
    answer = await post(session.url, card=DECLINED)
    assert answer.status_code == 402
    assert "被拒绝" in answer.text
    assert 'role="alert"' in answer.text
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    answer = await post(session.url, card="1234")
    assert (answer.status_code, "测试卡" in answer.text) == (402, True)
    assert (await post(session.url, card=PAYS)).status_code == 303
    assert (await post(session.url, card=PAYS)).status_code == 404


async def test_a_card_that_asks_for_authentication_has_a_second_step(client: stripe.StripeClient) -> None:
    price = await make_price(client, 1000, monthly=False)
    session = await open_session(client, mode="payment", line_items=[{"price": price.id, "quantity": 2}])
    asked = await post(session.url, card=ASKS)
    assert asked.status_code == 200
    assert "authenticate" in asked.text
    assert (await post(session.url, card=ASKS, authenticate="fail")).status_code == 402
    assert (await post(session.url, card=ASKS, authenticate="complete")).status_code == 303
    session = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert (session.payment_status, session.amount_total) == ("paid", 2000)


async def test_a_trial_charges_nothing_today(client: stripe.StripeClient) -> None:
    price = await make_price(client)
    session = await open_session(
        client,
        mode="subscription",
        line_items=[{"price": price.id, "quantity": 1}],
        subscription_data={"trial_period_days": 7},
    )
    assert session.amount_total == 0
    assert (await post(session.url, card=PAYS, email="new@example.com")).status_code == 303
    session = await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["subscription"]})
    subscription: Any = session.subscription
    assert (session.payment_status, subscription.status) == ("no_payment_required", "trialing")
    assert subscription["items"].data[0].current_period_end == subscription.trial_end
    assert session.customer_details is not None
    assert session.customer_details.email == "new@example.com"


async def test_a_page_can_be_left_and_a_session_expired(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    price = await make_price(client)
    session = await open_session(client, mode="subscription", line_items=[{"price": price.id, "quantity": 1}])
    left = await post(session.url, cancel="1")
    assert (left.status_code, left.headers["location"]) == (303, "http://127.0.0.1/no")
    expired = await client.v1.checkout.sessions.expire_async(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    sandbox.listener.wait_for("checkout.session.expired", id=session.id)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.checkout.sessions.expire_async(session.id)


async def test_what_cannot_be_sold_is_refused(client: stripe.StripeClient) -> None:
    monthly = await make_price(client)
    small = await make_price(client, 100, monthly=False)
    for mode, price, code in (("payment", monthly, None), ("payment", small, "amount_too_small")):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await open_session(client, mode=mode, line_items=[{"price": price.id, "quantity": 1}])
        assert refused.value.code == code
    await client.v1.prices.update_async(monthly.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        await open_session(client, mode="subscription", line_items=[{"price": monthly.id, "quantity": 1}])


@pytest.mark.parametrize(("language", "word"), [("zh-CN,zh;q=0.9", "沙盒"), ("en-GB", "Sandbox")])
async def test_every_page_says_it_is_a_sandbox_and_runs_nothing(
    client: stripe.StripeClient, sandbox: Sandbox, language: str, word: str
) -> None:
    session = await open_session(
        client,
        mode="payment",
        line_items=[
            {
                "quantity": 1,
                "price_data": {
                    "currency": "cny",
                    "unit_amount": 900,
                    "product_data": {"name": "<script>alert(1)</script>"},
                },
            }
        ],
    )
    async with httpx.AsyncClient(headers={"Accept-Language": language}) as http:
        for url in (sandbox.url, session.url, f"{sandbox.url}/pay/cs_unknown"):
            page = await http.get(str(url))
            assert word in page.text
            assert "unsafe-inline" not in page.headers["content-security-policy"]
            assert not re.search(r"<script|style=|onclick=", page.text)
