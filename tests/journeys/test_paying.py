"""A reader pays: by subscription, by tip; with cards that work and one that does not. A creator earns."""

from typing import Any
from uuid import uuid4

from tests.journeys import texts
from tests.journeys.people import DECLINED, Caller, Person, eventually, fen, pay


def test_a_reader_subscribes_and_is_answered_at_once(creator: Person, person: Person) -> None:
    base = creator.publish_texts("訂閱", [texts.ROSE])
    person.ask(base["id"], "When should I feed roses with potash?", expect=402)
    session = person.check_out(base)
    paid = pay(session["checkout_url"])
    assert paid.status_code == 303
    assert session["session_id"].startswith("cs_")
    subscription = eventually(lambda: person.active_subscription(base["id"]), what="the subscription")
    assert subscription["plan_id"] == base["plan"]["id"]
    assert subscription["current_period_end"]
    # What shows as active already has its grant: no waiting here.
    answer = person.ask(base["id"], "When should I feed roses with potash?")
    assert "potash" in answer["text"]
    assert answer["citations"]
    receipt = Caller(person.url).get(f"/v1/receipts/{answer['receipt_id']}")
    assert receipt["signature"]
    assert "roses" not in str(receipt).lower()


def test_a_declined_card_grants_nothing_and_another_card_can_follow(creator: Person, person: Person) -> None:
    base = creator.publish_texts("拒付", [texts.ROSE])
    session = person.check_out(base)
    declined = pay(session["checkout_url"], DECLINED)
    assert declined.status_code in {200, 402}
    assert "declined" in declined.text.lower() or "拒" in declined.text
    assert person.active_subscription(base["id"]) is None
    person.ask(base["id"], "When should I feed roses with potash?", expect=402)
    assert pay(session["checkout_url"]).status_code == 303
    eventually(lambda: person.active_subscription(base["id"]), what="the subscription")


def test_an_unknown_plan_opens_no_checkout(creator: Person, person: Person) -> None:
    base = creator.publish_texts("無此方案", [texts.ROSE])
    path = f"/v1/knowledge-bases/{base['id']}/checkout"
    person.post(path, {"plan_id": str(uuid4())}, expect=404)
    other = creator.publish_texts("另一本", [texts.FERN])
    person.post(path, {"plan_id": other["plan"]["id"]}, expect=404)
    person.post(path, {"plan_id": "monthly"}, expect=400)


def test_a_second_checkout_replaces_the_unpaid_one(creator: Person, person: Person) -> None:
    base = creator.publish_texts("兩個視窗", [texts.ROSE])
    first, second = person.check_out(base), person.check_out(base)
    assert first["session_id"] != second["session_id"]
    assert pay(first["checkout_url"]).status_code != 303
    assert pay(second["checkout_url"]).status_code == 303


def test_a_subscription_and_a_tip_are_earned_to_the_cent(creator: Person, person: Person) -> None:
    base = creator.publish_texts("打賞", [texts.ROSE])
    person.subscribe(base)
    body = {"knowledge_base_id": base["id"], "price": fen(1000), "message": "謝謝"}
    tip = person.post("/v1/tips", body)
    assert tip["tip_id"]
    assert pay(tip["checkout_url"]).status_code == 303

    def earned() -> dict[str, Any] | None:
        balances = creator.get("/creator/v1/earnings")["balances"]
        # 80% of 9.90 and of 10.00.
        return next((one for one in balances if one["earned"] == 792 + 800), None)

    balance = eventually(earned, what="the earnings")
    assert balance["currency"] == "cny"
    assert balance["fees"] > 0
    assert balance["payable"] == balance["earned"] - balance["fees"]
    assert (balance["refunded"], balance["paid"]) == (0, 0)


def test_nobody_tips_themselves(creator: Person) -> None:
    base = creator.publish_texts("自己", [texts.ROSE])
    body = {"knowledge_base_id": base["id"], "price": fen(1000)}
    response = creator.http.post("/v1/tips", json=body)
    assert 400 <= response.status_code < 500


def test_where_a_visitor_came_from_is_found_on_the_sale(creator: Person, person: Person) -> None:
    base = creator.publish_texts("推薦", [texts.ROSE])
    anonymous = Caller(person.url)
    anonymous.get(f"/k/{base['slug']}", params={"ref": "newsletter"})
    # The browser keeps the page's cookie; later somebody signs in with it and pays.
    person.http.cookies.update(anonymous.http.cookies)
    person.subscribe(base)

    def sold() -> list[Any] | None:
        return creator.get("/creator/v1/sales")["data"] or None

    (sale,) = eventually(sold, what="the sale")
    assert sale["ref"] == "newsletter"
