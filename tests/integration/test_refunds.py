"""Money given back: asked for, granted, in parts, cut off and failed, on the real doors and the sandbox."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from billing.processor.port import ProcessorFailureKept, ProcessorUnavailable
from service.platform.database import Database
from service.usecases.finish_refund import finish_refund, sweep_refunds
from service.usecases.give_refund import give_refund
from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_contract import watched
from tests.integration.refunding import books_agree, bought, refund, tipped
from tests.integration.selling import Shop, shop_open

NOBODY = "00000000-0000-7000-8000-000000000000"
JOBS = ("end_given_back", "finish_refund")


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    with watched():
        async with shop_open(database, till) as opened:
            yield opened
    till.control("faults", method="DELETE")
    till.control("rules", method="DELETE")


async def test_a_request_is_read_granted_and_ends_the_subscription(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    assert (purchase["status"], purchase["price"]["amount"], purchase["refund_request"]) == (
        "paid",
        990,
        None,
    )
    assert purchase["opened"]["knowledge_base_id"] == shop.base["id"]
    path = f"/v1/subscriptions/{purchase['subscription_id']}/refund-request"
    asked = await shop.call("POST", path, reader, {"reason": "not for me"}, 201)
    assert (asked["status"], asked["sale_id"], asked["paid"]["amount"]) == ("open", purchase["id"], 990)
    assert (await shop.call("POST", path, reader, {}, 409))["code"] == "refund_already_requested"
    [seen] = (await shop.call("GET", "/creator/v1/refund-requests?status=open", shop.creator))["data"]
    assert (seen["id"], seen["reason"]) == (asked["id"], "not for me")
    assert reader.id not in str(seen)
    grant = f"/creator/v1/refund-requests/{asked['id']}/grant"
    await shop.call("POST", grant, reader, None, 404)
    granted = await shop.call("POST", grant, shop.creator, None, 200)
    assert granted["status"] == "granted"
    assert (await shop.call("POST", grant, shop.creator, None, 409))["code"] == "refund_request_closed"
    assert await shop.run_jobs(*JOBS) == 1
    [after] = (await shop.call("GET", "/v1/purchases", reader))["data"]
    assert (after["status"], after["refunded"]["amount"]) == ("refunded", 990)
    assert [(one["id"], one["status"]) for one in after["refunds"]] == [(granted["refund_id"], "succeeded")]
    assert after["refund_request"]["status"] == "granted"
    assert after["opened"]["revoked_at"] is not None
    [subscription] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert subscription["status"] == "canceled"
    [balance] = await shop.earned()
    assert (balance["earned"], balance["refunded"], balance["payable"]) == (792, 792, -194)
    await shop.settle("charge.refunded")
    assert [balance["refunded"] for balance in await shop.earned()] == [792]
    await books_agree(shop)
    letters = await shop.rows("SELECT kind, account_id FROM letter WHERE kind = 'refund_given'")
    assert [(row.kind, str(row.account_id)) for row in letters] == [("refund_given", reader.id)]
    told = await shop.rows("SELECT type FROM outgoing_event WHERE type LIKE 'refund.%' ORDER BY id")
    assert [row.type for row in told] == ["refund.requested", "refund.created"]


async def test_a_request_is_declined_with_a_reason_or_withdrawn(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await tipped(shop, reader, anonymous=True)
    path = f"/v1/purchases/{purchase['id']}/refund-request"
    await shop.call("POST", path, await shop.reader("stranger"), {}, 404)
    first = await shop.call("POST", path, reader, {"reason": "too much"}, 201, **{"idempotency-key": "ask"})
    again = await shop.call("POST", path, reader, {"reason": "too much"}, 201, **{"idempotency-key": "ask"})
    assert again == first
    decline = f"/creator/v1/refund-requests/{first['id']}/decline"
    await shop.call("POST", decline, shop.creator, {}, 400)
    declined = await shop.call("POST", decline, shop.creator, {"reason": "a gift is a gift"})
    assert (declined["status"], declined["answer"]) == ("declined", "a gift is a gift")
    second = await shop.call("POST", path, reader, {}, 201)
    withdraw = f"/v1/refund-requests/{second['id']}/withdraw"
    await shop.call("POST", withdraw, shop.creator, None, 404)
    assert (await shop.call("POST", withdraw, reader))["status"] == "withdrawn"
    await shop.call("POST", withdraw, reader, None, 409)
    listed = (await shop.call("GET", "/v1/refund-requests", reader))["data"]
    assert [one["status"] for one in listed] == ["withdrawn", "declined"]
    assert (await shop.call("GET", f"/v1/refund-requests/{first['id']}", reader))[
        "answer"
    ] == "a gift is a gift"
    assert reader.id not in str(await shop.call("GET", "/creator/v1/refund-requests", shop.creator))


async def test_partial_refunds_add_up_exactly_and_never_pass_what_is_left(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    first = await refund(shop, purchase["id"], {"amount": {"amount": 333, "currency": "cny"}})
    assert (first["status"], first["amount"]) == ("succeeded", {"amount": 333, "currency": "cny"})
    await refund(shop, purchase["id"], {"amount": 1, "reason": "a bare number"})
    too_much = await refund(shop, purchase["id"], {"amount": 657}, 409)
    assert too_much["code"] == "refund_too_large"
    for wrong in (
        {"amount": 0},
        {"amount": -5},
        {"amount": {"amount": 5, "currency": "usd"}},
        {"amount": "5"},
    ):
        await refund(shop, purchase["id"], wrong, 400)
    [subscription] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert subscription["status"] == "active"
    last = await refund(shop, purchase["id"])
    assert last["amount"]["amount"] == 656
    assert (await refund(shop, purchase["id"], None, 409))["code"] == "nothing_to_refund"
    assert [balance["refunded"] for balance in await shop.earned()] == [792]
    [platform] = await shop.rows("SELECT balance FROM ledger_account WHERE kind = 'platform_revenue'")
    assert platform.balance == 0
    listed = (await shop.call("GET", f"/creator/v1/sales/{purchase['id']}/refunds", shop.creator))["data"]
    assert [one["amount"]["amount"] for one in listed] == [656, 1, 333]
    await refund(shop, NOBODY, None, 404)
    await shop.call("POST", f"/creator/v1/sales/{purchase['id']}/refund", reader, None, 404)
    await books_agree(shop)


async def test_many_refunds_at_once_never_give_back_more_than_was_paid(shop: Shop) -> None:
    purchase = await bought(shop, await shop.reader())
    path = f"/creator/v1/sales/{purchase['id']}/refund"
    answers = await asyncio.gather(
        *(shop.client.post(path, json={"amount": 300}, headers=shop.creator.headers) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    [sale] = await shop.rows("SELECT refunded FROM sale")
    assert sale.refunded == 900
    await books_agree(shop)


async def test_the_same_key_gives_back_once(shop: Shop) -> None:
    purchase = await bought(shop, await shop.reader())
    first = await refund(shop, purchase["id"], {"amount": 100}, key="once")
    assert await refund(shop, purchase["id"], {"amount": 100}, key="once") == first
    other = await refund(shop, purchase["id"], {"amount": 200}, 409, key="once")
    assert other["code"] == "idempotency_conflict"
    [sale] = await shop.rows("SELECT refunded FROM sale")
    assert sale.refunded == 100


async def test_a_pass_given_back_whole_opens_nothing_and_a_part_changes_nothing(shop: Shop) -> None:
    reader = await shop.reader()
    plan = await shop.plan(interval="once", days=30, price={"amount": 1500, "currency": "cny"})
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"])
    await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    [purchase] = (await shop.call("GET", "/v1/purchases", reader))["data"]
    await refund(shop, purchase["id"], {"amount": 500})
    [grant] = await shop.rows("SELECT revoked_at FROM access_grant")
    assert grant.revoked_at is None
    await refund(shop, purchase["id"])
    [grant] = await shop.rows("SELECT revoked_at FROM access_grant")
    assert grant.revoked_at is not None


async def test_the_end_of_the_subscription_can_be_left_to_its_period(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    await refund(shop, purchase["id"], {"end_subscription": False})
    assert await shop.run_jobs(*JOBS) == 0
    [subscription] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert subscription["status"] == "active"


async def test_a_refund_that_timed_out_after_it_was_made_is_found_and_not_made_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    payments = shop.context.payments
    create = payments.create_refund

    async def cut_off(*args: Any, **more: Any) -> Any:
        await create(*args, **more)
        raise ProcessorUnavailable("timed out")

    monkeypatch.setattr(payments, "create_refund", cut_off)
    given = await refund(shop, purchase["id"], key="lost")
    assert given["status"] == "pending"
    assert await refund(shop, purchase["id"], key="lost") == given
    assert (await refund(shop, purchase["id"], None, 409))["code"] == "nothing_to_refund"
    monkeypatch.setattr(payments, "create_refund", _never)
    await finish_refund(shop.context, refund_id=given["id"])
    await finish_refund(shop.context, refund_id=given["id"])
    [after] = (await shop.call("GET", "/v1/purchases", reader))["data"]
    assert [(one["id"], one["status"]) for one in after["refunds"]] == [(given["id"], "succeeded")]
    monkeypatch.setattr(payments, "create_refund", create)
    await books_agree(shop)


async def _never(*_args: Any, **_more: Any) -> Any:
    raise AssertionError("it was made already")


@pytest.mark.parametrize("kept", [False, True])
async def test_while_the_processor_is_down_a_refund_waits_and_is_given_once(shop: Shop, kept: bool) -> None:
    purchase = await bought(shop, await shop.reader())
    # A failure that the sandbox keeps under the key is replayed for it: another key is needed then.
    shop.sandbox.control("faults", {"server_errors": 1} if kept else {"outage": True})
    try:
        given = await refund(shop, purchase["id"])
        assert given["status"] == "pending"
        if not kept:
            with pytest.raises(ProcessorUnavailable):
                await finish_refund(shop.context, refund_id=given["id"])
    finally:
        shop.sandbox.control("faults", method="DELETE")
    [intent] = await shop.rows("SELECT attempt FROM intent WHERE kind = 'refund'")
    assert intent.attempt == (2 if kept else 1)
    assert await shop.run_jobs("finish_refund") == 1
    [row] = await shop.rows("SELECT status, settled_amount FROM refund")
    assert tuple(row) == ("succeeded", 990)
    await books_agree(shop)


async def test_a_refund_whose_giver_was_killed_is_finished_by_the_sweep(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    purchase = await bought(shop, await shop.reader())
    payments = shop.context.payments
    create = payments.create_refund

    async def killed(*_args: Any, **_more: Any) -> Any:
        raise asyncio.CancelledError

    monkeypatch.setattr(payments, "create_refund", killed)
    with pytest.raises(asyncio.CancelledError):
        await give_refund(
            shop.context,
            refund_id=(refund_id := uuid4()),
            actor_id=UUID(shop.creator.id),
            as_operator=False,
            sale_id=UUID(purchase["id"]),
            amount=None,
            reason="",
            once=None,
        )
    monkeypatch.setattr(payments, "create_refund", create)
    await sweep_refunds(shop.context)
    assert await shop.run_jobs("finish_refund") == 0
    async with shop.context.database.transaction() as session:
        await session.execute(sa.text("UPDATE refund SET created_at = created_at - interval '2 minutes'"))
        # So old that the processor has forgotten its key: it is looked up, then asked for under another.
        await session.execute(sa.text("UPDATE intent SET created_at = created_at - interval '2 days'"))
    await sweep_refunds(shop.context)
    assert await shop.run_jobs("finish_refund") == 1
    [row] = await shop.rows("SELECT refund.id, refund.status, attempt FROM refund JOIN intent USING (id)")
    assert tuple(row) == (refund_id, "succeeded", 2)


async def test_a_refused_refund_is_no_refund_and_its_request_is_open_again(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    asked = await shop.call("POST", f"/v1/purchases/{purchase['id']}/refund-request", reader, {}, 201)
    await _at_the_processor(shop, 990)
    grant = f"/creator/v1/refund-requests/{asked['id']}/grant"
    refused = await shop.call("POST", grant, shop.creator, None, 409)
    assert refused["code"] == "payment_refused"
    [row] = await shop.rows("SELECT status FROM refund")
    assert row.status == "refused"
    assert (await shop.call("GET", f"/v1/refund-requests/{asked['id']}", reader))["status"] == "open"
    await shop.settle("charge.refunded")
    assert (await shop.call("GET", f"/v1/refund-requests/{asked['id']}", reader))["status"] == "granted"
    assert [balance["refunded"] for balance in await shop.earned()] == [792]


async def _at_the_processor(shop: Shop, amount: int) -> None:
    """Somebody gives money back in Stripe's own dashboard."""
    [sale] = await shop.rows("SELECT stripe_charge_id FROM sale")
    await shop.context.payments.create_refund(
        sale.stripe_charge_id, amount=amount, metadata={}, idempotency_key=str(uuid4())
    )


async def test_events_of_a_refund_five_times_in_any_order_post_once(shop: Shop) -> None:
    purchase = await bought(shop, await shop.reader())
    await refund(shop, purchase["id"], {"amount": 100})
    await _at_the_processor(shop, 50)
    events = await shop.events("charge.refunded", "refund.created")
    for turn in range(5):
        await shop.deliver(reversed(events) if turn % 2 == 0 else events)
        await asyncio.gather(shop.work(), shop.work())
    [row] = await shop.rows(
        "SELECT (SELECT count(*) FROM refund), (SELECT refunded FROM sale),"
        " (SELECT count(*) FROM ledger_transaction WHERE source_type = 'refund')"
    )
    assert tuple(row) == (2, 150, 2)


async def test_a_refund_that_the_readers_bank_sends_back_is_undone(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    shop.sandbox.control("rules", {"refunds": "failed"})
    given = await refund(shop, purchase["id"], {"amount": 400, "end_subscription": False})
    assert given["status"] == "succeeded"
    assert [balance["refunded"] for balance in await shop.earned()] == [320]
    shop.sandbox.control("advance", {"seconds": 120})
    await shop.settle("refund.failed")
    [after] = (await shop.call("GET", "/v1/purchases", reader))["data"]
    [failed] = after["refunds"]
    assert (failed["status"], failed["failure_reason"] is not None) == ("failed", True)
    assert (after["status"], after["refunded"]["amount"]) == ("paid", 0)
    assert [balance["refunded"] for balance in await shop.earned()] == [0]
    await books_agree(shop)
    told = await shop.rows("SELECT type FROM outgoing_event WHERE type LIKE 'refund.%' ORDER BY id")
    assert [row.type for row in told] == ["refund.created", "refund.failed"]


def test_the_failure_kept_under_a_key_is_an_outage_too() -> None:
    assert issubclass(ProcessorFailureKept, ProcessorUnavailable)
