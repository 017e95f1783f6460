"""A client nobody here wrote: Stripe's own, running Stripe's own fixtures against the sandbox."""

from pathlib import Path

import httpx
import pytest
import stripe

from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_cli import StripeCli, Unavailable, fetched
from tests.scale import SOAK

ALWAYS = (
    *("account.application.deauthorized", "charge.dispute.created", "charge.failed", "charge.refunded"),
    *("checkout.session.async_payment_failed", "checkout.session.completed"),
    *("customer.subscription.created", "customer.subscription.deleted", "invoice.paid"),
    *("invoice.payment_failed", "invoiceitem.created", "payment_intent.succeeded", "payout.created"),
    *("subscription_schedule.released", "transfer.reversed"),
)

MORE = (
    *("account.updated", "charge.dispute.closed", "charge.dispute.updated", "charge.succeeded"),
    *("checkout.session.async_payment_succeeded", "checkout.session.expired", "customer.created"),
    *("customer.deleted", "customer.subscription.updated", "customer.updated", "invoice.created"),
    *("invoice.deleted", "invoice.finalized", "invoice.marked_uncollectible"),
    *("invoice.payment_action_required", "invoice.payment_succeeded", "invoice.sent", "invoice.updated"),
    *("invoice.voided", "invoiceitem.deleted", "payment_intent.canceled", "payment_intent.created"),
    *("payment_intent.payment_failed", "payment_intent.processing", "payment_intent.requires_action"),
    *("payment_method.attached", "payment_method.detached", "payment_method.updated", "price.created"),
    *("price.updated", "product.created", "product.deleted", "product.updated", "setup_intent.canceled"),
    *("setup_intent.created", "setup_intent.requires_action", "setup_intent.setup_failed"),
    *("setup_intent.succeeded", "subscription_schedule.canceled", "subscription_schedule.created"),
    *("subscription_schedule.updated", "test_helpers.test_clock.advancing"),
    *("test_helpers.test_clock.created", "test_helpers.test_clock.deleted"),
    *("test_helpers.test_clock.ready", "topup.created", "transfer.created", "transfer.updated"),
)
"""Every event of the list in STRIPE.md's sandbox that the client has fixtures for."""

SILENT = (
    *("balance.available", "billing_portal.session.created", "charge.refund.updated"),
    *("customer.subscription.paused", "customer.subscription.trial_will_end"),
    *("subscription.payment_failed", "subscription.payment_succeeded", "subscription_schedule.aborted"),
    *("subscription_schedule.completed", "subscription_schedule.expiring", "payout.updated"),
)
"""Its fixtures run to their end, and the sandbox does not tell (yet, or at all) of what they are called."""


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> StripeCli:
    """The client; the tests are skipped, with the reason, where it cannot be had."""
    folder: Path = tmp_path_factory.mktemp("stripe-cli")
    try:
        return fetched(folder)
    except Unavailable as reason:
        pytest.skip(f"Stripe's command-line client cannot be had: {reason}")


@pytest.mark.soak
@pytest.mark.parametrize("event", ALWAYS + (MORE if SOAK else ()))
async def test_stripe_s_own_fixtures_bring_their_event(
    cli: StripeCli, sandbox: Sandbox, client: stripe.StripeClient, event: str
) -> None:
    before = await client.v1.events.list_async({"type": event, "limit": 1})
    cli.trigger(event, sandbox.url)
    if event.startswith("checkout.session.async_payment"):
        sandbox.control("advance", {"seconds": 120})
    after = await client.v1.events.list_async({"type": event, "limit": 1})
    assert [one.id for one in after.data] != [one.id for one in before.data]
    sandbox.listener.wait_for(event)


@pytest.mark.soak
@pytest.mark.parametrize("event", SILENT if SOAK else SILENT[:1])
def test_its_other_fixtures_run_to_their_end(cli: StripeCli, sandbox: Sandbox, event: str) -> None:
    cli.trigger(event, sandbox.url)


async def test_what_only_that_client_may_do_is_refused_to_others(sandbox: Sandbox) -> None:
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_others"}) as http:
        assert (await http.get(f"{sandbox.url}/v1/payment_pages/cs_test_1")).status_code == 404
        sent = {"amount": "500", "currency": "usd", "payment_method_types[]": "card"}
        refused = await http.post(f"{sandbox.url}/v1/payment_intents", data=sent)
        assert refused.json()["error"]["param"] == "payment_method_types"
