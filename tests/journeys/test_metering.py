"""An enterprise calls with a key until its cap; its usage reaches the meters and its invoice."""

from typing import Any

import pytest

from tests.journeys import texts
from tests.journeys.people import Caller, Person, eventually, fen, first_metered

PASSAGES = "/api/v1/passages"
ANSWERS = "/api/v1/answers"


@pytest.fixture
def base(creator: Person) -> dict[str, Any]:
    return creator.publish_texts("企業", [texts.ROSE, texts.LAVENDER])


def test_metered_calls_stop_at_the_cap_and_show_on_the_invoice(base: dict[str, Any], person: Person) -> None:
    organization_id = person.found_organization()
    path = f"/enterprise/v1/organizations/{organization_id}"
    person.call("PUT", f"{path}/spend-cap", json=fen(50))
    key = person.make_key(organization_id)
    ids = [base["id"]]
    query = {"query": "feed roses with potash", "knowledge_base_ids": ids, "top_k": 3}
    found = first_metered(key, PASSAGES, query)
    assert found["usage"]["billed_units"] == 1
    best = found["passages"][0]
    assert "potash" in best["text"]
    question = {"question": "When should I feed roses with potash?", "knowledge_base_ids": ids}
    answers = 0
    while (response := key.http.post(ANSWERS, json=question)).status_code == 200:
        assert response.headers["zhihao-billed-units"] == "1"
        assert int(response.headers["zhihao-cap-remaining"]) >= 0
        answers += 1
        assert answers < 20
    assert response.status_code == 402
    assert response.json()["code"] == "spend_cap_reached"
    assert answers == 2

    usage = person.get(f"{path}/usage", params={"group_by": "day"})
    assert usage["total"]["units"] == 3
    assert usage["total"]["amount"] <= 50

    def previewed() -> dict[str, Any] | None:
        preview: dict[str, Any] = person.get(f"{path}/invoice-preview")
        return preview if sum(line["units"] for line in preview["lines"]) == 3 else None

    eventually(previewed, seconds=30, what="the usage on the invoice")


def test_a_refused_answer_is_not_billed(base: dict[str, Any], person: Person) -> None:
    organization_id = person.found_organization()
    key = person.make_key(organization_id)
    body = {"question": "What is the capital of Mongolia?", "knowledge_base_ids": [base["id"]]}
    answer = first_metered(key, ANSWERS, body)
    assert answer["refused"]
    assert answer["usage"]["billed_units"] == 0


def test_a_passage_is_the_text_of_its_revision(base: dict[str, Any], creator: Person, person: Person) -> None:
    key = person.make_key(person.found_organization())
    body = {"query": "薰衣草修剪", "knowledge_base_ids": [base["id"]], "top_k": 5}
    for passage in first_metered(key, PASSAGES, body)["passages"]:
        path = f"/v1/knowledge-bases/{base['id']}/documents/{passage['document_id']}"
        document = creator.get(path, params={"revision_id": passage["revision_id"]})
        assert passage["text"] == document["text"][passage["start"] : passage["end"]]


def test_without_a_contract_the_key_is_told_so(base: dict[str, Any], person: Person) -> None:
    organization_id = person.post("/enterprise/v1/organizations", {"name": "No contract"})["id"]
    key = person.make_key(organization_id)
    body = {"query": "roses", "knowledge_base_ids": [base["id"]], "top_k": 3}
    assert key.post(PASSAGES, body, expect=402)["code"] == "contract_required"


def test_an_unknown_key_is_401_before_anything_is_looked_at(base: dict[str, Any], person: Person) -> None:
    unknown = Caller(person.url, "zh_live_" + "a" * 49)
    assert unknown.post(PASSAGES, {"nonsense": True}, expect=401)["code"]


def test_a_revoked_key_is_refused_from_the_next_call_on(base: dict[str, Any], person: Person) -> None:
    organization_id = person.found_organization()
    path = f"/enterprise/v1/organizations/{organization_id}/keys"
    made = person.post(path, {"name": "short-lived", "scopes": ["passages:read"]})
    key = Caller(person.url, made["secret"])
    body = {"query": "roses", "knowledge_base_ids": [base["id"]], "top_k": 3}
    first_metered(key, PASSAGES, body)
    person.call("DELETE", f"{path}/{made['id']}", expect=204)
    key.post(PASSAGES, body, expect=401)
