"""Programs search and ask by key: what they get, and what it costs them."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.platform.database import Database
from service.usecases import retrieve_passages
from service.usecases.expire_reservations import expire_reservations
from tests.integration.metering import run
from tests.integration.questions import FOREIGN, QUESTION, World, events_of, open_world, opened

CAP = 100


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, database_url, tmp_path) as made:
        yield made


async def test_passages_are_word_for_word_and_cost_one_unit(world: World) -> None:
    headers, customer = await world.key(cap=CAP)
    body = {"query": QUESTION, "knowledge_base_ids": [world.base["id"]], "top_k": 2}
    response = await world.client.post("/api/v1/passages", json=body, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["Zhihao-Billed-Units"] == "1"
    assert response.headers["Zhihao-Cap-Remaining"] == "98"
    found = response.json()
    assert set(found) == {"passages", "usage"}
    assert found["usage"] == {"billed_units": 1}
    assert 1 <= len(found["passages"]) <= 2
    for passage in found["passages"]:
        assert set(passage) == {
            "knowledge_base_id", "document_id", "revision_id", "title", "locator", "start", "end", "text",
            "score", "superseded_by",
        }  # fmt: skip
        text = await world.text_of(passage["revision_id"])
        assert passage["text"] == text[passage["start"] : passage["end"]]
    events = await world.count("usage_event WHERE organization_id = :id", id=customer.organization_id)
    assert events == 1


async def test_an_answer_costs_one_unit_and_a_refusal_nothing(world: World) -> None:
    headers, customer = await world.key(cap=CAP)
    body = {"question": QUESTION, "knowledge_base_ids": [world.base["id"]]}
    response = await world.client.post("/api/v1/answers", json=body, headers=headers)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert "不得超过六个月" in answer["text"]
    assert answer["conversation_id"] is None
    assert answer["usage"] == {"billed_units": 1, "remaining_free": None}
    assert response.headers["Zhihao-Billed-Units"] == "1"
    assert response.headers["Zhihao-Cap-Remaining"] == "80"
    refused = await world.client.post("/api/v1/answers", json=body | {"question": FOREIGN}, headers=headers)
    assert refused.json()["refused"] is True
    assert refused.json()["usage"] == {"billed_units": 0, "remaining_free": None}
    assert refused.headers["Zhihao-Billed-Units"] == "0"
    assert refused.headers["Zhihao-Cap-Remaining"] == "80"
    events = await world.count("usage_event WHERE organization_id = :id", id=customer.organization_id)
    assert events == 1
    receipt = (await world.client.get(f"/v1/receipts/{answer['receipt_id']}")).json()
    assert receipt["units"] == opened(receipt["jws"])["units"] == 1


async def test_a_stream_by_key_ends_settled(world: World) -> None:
    headers, customer = await world.key(cap=CAP)
    body = {"question": QUESTION, "knowledge_base_ids": [world.base["id"]], "stream": True}
    response = await world.client.post("/api/v1/answers", json=body, headers=headers)
    name, done = events_of(response.text)[-1]
    assert name == "done"
    assert done["usage"]["billed_units"] == 1
    assert response.headers["Zhihao-Cap-Remaining"] == "80"
    rows = await run(
        world.context.database,
        "SELECT spent, reserved FROM spend_counter WHERE subject_id = :id",
        id=customer.organization_id,
    )
    assert rows == [(20, 0)]


@pytest.mark.parametrize("meter", ["passages", "answers"])
async def test_the_same_key_is_billed_once(world: World, meter: str) -> None:
    headers, customer = await world.key(cap=CAP)
    asked = {"query": QUESTION} if meter == "passages" else {"question": QUESTION}
    body = asked | {"knowledge_base_ids": [world.base["id"]]}
    once = headers | {"idempotency-key": "same"}
    first = await world.client.post(f"/api/v1/{meter}", json=body, headers=once)
    again = await world.client.post(f"/api/v1/{meter}", json=body, headers=once)
    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert again.headers["Zhihao-Cap-Remaining"] == first.headers["Zhihao-Cap-Remaining"]
    events = await world.count("usage_event WHERE organization_id = :id", id=customer.organization_id)
    assert events == 1
    await run(
        world.context.database,
        "UPDATE api_key SET revoked_at = zhihao_now() WHERE organization_id = :id",
        id=customer.organization_id,
    )
    revoked = await world.client.post(f"/api/v1/{meter}", json=body, headers=once)
    assert revoked.status_code == 401


@pytest.mark.parametrize("fell", ["before settling", "after settling", "and its reservation ran out"])
async def test_a_call_cut_off_by_a_crash_and_taken_over_is_billed_once(
    world: World, monkeypatch: pytest.MonkeyPatch, fell: str
) -> None:
    headers, customer = await world.key(cap=2)
    once = headers | {"idempotency-key": "same"}
    body = {"query": QUESTION, "knowledge_base_ids": [world.base["id"]]}

    async def crash(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the process is gone")

    with monkeypatch.context() as broken:
        where = "keep_call" if fell == "after settling" else "settle_call"
        broken.setattr(retrieve_passages, where, crash)
        cut = await world.client.post("/api/v1/passages", json=body, headers=once)
        assert cut.status_code == 500
    again = await world.client.post("/api/v1/passages", json=body, headers=once)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_in_progress")
    if fell == "and its reservation ran out":
        await run(world.context.database, "UPDATE reservation SET expires_at = zhihao_now()")
        assert await expire_reservations(world.context) == 1
    await run(
        world.context.database, "UPDATE idempotency_key SET claimed_at = claimed_at - interval '1 hour'"
    )
    taken_over = await world.client.post("/api/v1/passages", json=body, headers=once)
    assert taken_over.status_code == 200, taken_over.text
    assert taken_over.headers["Zhihao-Cap-Remaining"] == "0"
    last = await world.client.post("/api/v1/passages", json=body, headers=once)
    assert last.content == taken_over.content
    events = await world.count("usage_event WHERE organization_id = :id", id=customer.organization_id)
    assert events == 1


async def test_the_gate_is_before_any_work(world: World) -> None:
    body = {"query": QUESTION, "knowledge_base_ids": [world.base["id"]]}
    for limits, status, code in (
        ({"cap": 0}, 402, "spend_cap_reached"),
        ({"status": None}, 402, "contract_required"),
        ({"scopes": ("answers:write",)}, 403, "scope_missing"),
        ({"allowed": []}, 404, "not_found"),
    ):
        headers, _ = await world.key(**limits)
        refused = await world.client.post("/api/v1/passages", json=body, headers=headers)
        assert (refused.status_code, limits) == (status, limits)
        if status != 404:
            assert refused.json()["code"] == code
    assert (await world.client.post("/api/v1/passages", json=body)).status_code == 401


@pytest.mark.parametrize("top_k", [0, 51, "3"])
async def test_top_k_is_one_to_fifty(world: World, top_k: object) -> None:
    headers, _ = await world.key()
    body = {"query": QUESTION, "knowledge_base_ids": [world.base["id"]], "top_k": top_k}
    bad = await world.client.post("/api/v1/passages", json=body, headers=headers)
    assert bad.status_code == 400
    assert bad.json()["errors"][0]["pointer"] == "/top_k"


async def test_citations_of_a_key_hash_to_their_quotes(world: World) -> None:
    headers, _ = await world.key()
    body = {"question": QUESTION, "knowledge_base_ids": [world.base["id"]]}
    response = await world.client.post("/api/v1/answers", json=body, headers=headers)
    assert response.headers["Zhihao-Cap-Remaining"] == "unlimited"
    for citation in response.json()["citations"]:
        assert citation["sha256"] == hashlib.sha256(citation["quote"].encode()).hexdigest()
