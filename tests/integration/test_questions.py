"""Questions on a real database and real indexes, answered without a model."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from search.engine.port import EngineUnavailable
from service.answering import receipts
from service.platform.database import Database
from tests.integration.metering import run
from tests.integration.questions import (
    CANARY,
    CANARY_QUESTION,
    FOREIGN,
    FREE_QUESTION,
    QUESTION,
    World,
    events_of,
    open_world,
)

STREAM = {"accept": "text/event-stream"}


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, database_url, tmp_path, free_questions=1) as made:
        yield made


async def test_a_subscriber_gets_an_extract_whose_every_citation_is_word_for_word(world: World) -> None:
    reader = await world.reader(subscribed=True)
    answer = await world.answer(reader, QUESTION)
    assert set(answer) == {
        "id", "text", "refused", "citations", "conversation_id", "receipt_id", "usage",
    }  # fmt: skip
    assert answer["refused"] is False
    assert "不得超过六个月" in answer["text"]
    assert answer["text"].startswith("以下为资料原文摘录")
    assert answer["usage"] == {"billed_units": 0, "remaining_free": 1}
    assert answer["citations"]
    for citation in answer["citations"]:
        text = await world.text_of(citation["revision_id"])
        assert citation["quote"] == text[citation["start"] : citation["end"]]
        assert citation["sha256"] == hashlib.sha256(citation["quote"].encode()).hexdigest()
        assert f"[{citation['marker']}]" in answer["text"]
        assert citation["quote"] in answer["text"]
        assert citation["knowledge_base_id"] == world.base["id"]
    read = await world.client.get(f"/v1/answers/{answer['id']}", headers=reader.headers)
    assert read.json() == answer | {"usage": {"billed_units": 0, "remaining_free": None}}
    other = await world.reader()
    hidden = await world.client.get(f"/v1/answers/{answer['id']}", headers=other.headers)
    assert hidden.status_code == 404


async def test_what_nothing_supports_is_refused_and_costs_no_free_question(world: World) -> None:
    reader = await world.reader()
    answer = await world.answer(reader, FOREIGN)
    assert answer["refused"] is True
    assert answer["citations"] == []
    assert "抱歉" in answer["text"]
    assert answer["usage"] == {"billed_units": 0, "remaining_free": 1}
    english = await world.answer(reader, "How do I bake sourdough bread?")
    assert english["refused"] is True
    assert english["text"].startswith("Sorry")


async def test_a_free_question_opens_paid_text_once(world: World) -> None:
    reader = await world.reader()
    answer = await world.answer(reader, QUESTION)
    assert answer["refused"] is False
    assert answer["usage"]["remaining_free"] == 0
    refused = await world.ask(reader, QUESTION)
    assert refused.status_code == 402
    assert refused.json()["code"] == "entitlement_required"
    assert refused.json()["plans"] == []
    path = f"/v1/knowledge-bases/{world.base['id']}/documents/{world.paid['id']}"
    closed = await world.client.get(path, headers=reader.headers)
    assert closed.status_code == 402


async def test_paid_text_is_in_nothing_that_a_free_asker_gets(world: World) -> None:
    """Asked together with a base of their own, the reader's question sees only the free tier here."""
    own = await world.library.creator("own")
    await world.answer(own.person, QUESTION)  # the one free question
    theirs = await own.knowledge_base("自己的")
    await own.upload(theirs, "自己.md", "# 年休假\n\n职工连续工作一年以上的，我家给二十天。", tier="paid")
    ids = [world.base["id"], theirs["id"]]
    for question in (CANARY_QUESTION, CANARY, QUESTION, FREE_QUESTION):
        said = await world.client.post(
            "/v1/ask",
            json={"question": question, "knowledge_base_ids": ids},
            headers=own.person.headers | STREAM,
        )
        assert said.status_code == 200
        assert CANARY not in said.text.replace(question, "")
        assert "不得超过六个月" not in said.text
        free = {citation["document_id"] for name, citation in events_of(said.text) if name == "citation"}
        assert world.paid["id"] not in free
    stranger = await world.reader()
    draft = {"question": QUESTION, "knowledge_base_ids": [theirs["id"]]}
    assert (await world.client.post("/v1/ask", json=draft, headers=stranger.headers)).status_code == 404


async def test_a_stream_is_the_same_answer_in_events(world: World) -> None:
    reader = await world.reader(subscribed=True)
    response = await world.ask(reader, QUESTION, headers=STREAM)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.text)
    names = [name for name, _ in events]
    assert names[0] == "meta"
    assert names[-1] == "done"
    done = events[-1][1]
    assert "".join(data["text"] for name, data in events if name == "delta") == done["text"]
    assert [data for name, data in events if name == "citation"] == done["citations"]
    assert names.index("citation") > names.index("delta")
    assert events[0][1] == {"id": done["id"], "conversation_id": done["conversation_id"]}
    stored = await world.client.get(f"/v1/answers/{done['id']}", headers=reader.headers)
    assert stored.json()["text"] == done["text"]


async def test_a_refused_stream_has_no_delta(world: World) -> None:
    reader = await world.reader(subscribed=True)
    events = events_of((await world.ask(reader, FOREIGN, headers=STREAM)).text)
    assert [name for name, _ in events] == ["meta", "done"]
    assert events[-1][1]["refused"] is True


async def test_the_same_key_gives_the_same_answer_and_spends_once(world: World) -> None:
    reader = await world.reader()
    once = {"idempotency-key": "k1"}
    first = await world.answer(reader, QUESTION, headers=once)
    again = await world.answer(reader, QUESTION, headers=once)
    assert again == first
    streamed = events_of((await world.ask(reader, QUESTION, headers=once | STREAM)).text)
    assert streamed[-1] == ("done", first)
    other = await world.ask(reader, FREE_QUESTION, headers=once)
    assert other.status_code == 409
    assert await world.count("answer WHERE account_id = :id", id=reader.id) == 1


async def test_a_replay_passes_the_gate_again(world: World) -> None:
    reader = await world.reader(subscribed=True)
    once = {"idempotency-key": "k2"}
    await world.answer(reader, QUESTION, headers=once)
    await run(world.context.database, "UPDATE access_grant SET revoked_at = zhihao_now()")
    closed = await world.ask(reader, QUESTION, headers=once)
    assert closed.status_code == 402


async def test_a_refused_call_may_be_tried_again_with_its_key(world: World) -> None:
    reader = await world.reader()
    await world.answer(reader, QUESTION)
    once = {"idempotency-key": "k3"}
    assert (await world.ask(reader, QUESTION, headers=once)).status_code == 402
    assert (await world.ask(reader, QUESTION, headers=once)).status_code == 402


async def test_a_search_that_is_down_is_503_and_costs_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object, **__: object) -> list[object]:
        raise EngineUnavailable("down")

    reader = await world.reader()
    headers, _ = await world.key()
    with monkeypatch.context() as patch:
        patch.setattr(world.context.passages, "search", down)
        for more in ({}, STREAM):
            assert (await world.ask(reader, QUESTION, headers=more)).status_code == 503
        body = {"query": QUESTION, "knowledge_base_ids": [world.base["id"]]}
        assert (await world.client.post("/api/v1/passages", json=body, headers=headers)).status_code == 503
    assert (await world.answer(reader, QUESTION))["usage"]["remaining_free"] == 0
    assert await world.count("usage_event") == 0
    assert await world.count("reservation WHERE state = 'held'") == 0


async def test_a_follow_up_of_a_follow_up_keeps_to_the_topic_and_a_short_new_question_does_not(
    world: World,
) -> None:
    reader = await world.reader(subscribed=True)
    first = await world.answer(reader, QUESTION)
    talk = {"conversation_id": first["conversation_id"]}
    assert (await world.answer(reader, "那一年的呢？", **talk))["refused"] is False
    assert (await world.answer(reader, "那三年的呢？", **talk))["citations"]
    baking = await world.answer(reader, "面包怎么烤", **talk)
    assert baking["refused"] or baking["citations"][0]["quote"] != first["citations"][0]["quote"]
    other = await world.answer(reader, "那一年的呢？")
    assert other["conversation_id"] != first["conversation_id"]


async def test_a_follow_up_leans_on_the_question_before(world: World) -> None:
    reader = await world.reader(subscribed=True)
    first = await world.answer(reader, QUESTION)
    second = await world.answer(reader, "那一年的呢？", conversation_id=first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    assert second["refused"] is False
    listed = (await world.client.get("/v1/conversations", headers=reader.headers)).json()
    assert [entry["title"] for entry in listed["data"]] == [QUESTION]
    path = f"/v1/conversations/{first['conversation_id']}"
    page = (await world.client.get(path, headers=reader.headers)).json()
    assert [turn["question"] for turn in page["answers"]] == [QUESTION, "那一年的呢？"]
    assert [turn["answer"]["id"] for turn in page["answers"]] == [first["id"], second["id"]]
    stranger = await world.reader(subscribed=True)
    assert (await world.client.get(path, headers=stranger.headers)).status_code == 404
    theirs = await world.ask(stranger, QUESTION, conversation_id=first["conversation_id"])
    assert theirs.status_code == 404
    assert (await world.client.delete(path, headers=stranger.headers)).status_code == 404
    assert (await world.client.delete(path, headers=reader.headers)).status_code == 204
    gone = await world.client.get(f"/v1/answers/{first['id']}", headers=reader.headers)
    assert gone.status_code == 404
    assert (await world.client.delete("/v1/conversations", headers=reader.headers)).status_code == 204


async def test_a_receipt_proves_the_answer_and_shows_titles_to_its_owner_only(world: World) -> None:
    reader = await world.reader(subscribed=True)
    answer = await world.answer(reader, QUESTION)
    path = f"/v1/receipts/{answer['receipt_id']}"
    public = (await world.client.get(path)).json()
    assert "owner" not in public
    assert "试用期" not in str(public)
    (key,) = (await world.client.get("/v1/receipts/keys")).json()["keys"]
    assert key["kid"] == public["kid"]
    assert "d" not in key
    payload = receipts.verify(public["jws"], key)
    assert payload["units"] == public["units"] == 0
    assert payload["answer"] == public["answer_hash"]
    owned = (await world.client.get(path, headers=reader.headers)).json()["owner"]
    salted = bytes.fromhex(owned["answer_salt"]) + answer["text"].encode()
    assert hashlib.sha256(salted).hexdigest() == public["answer_hash"]
    for span, hashed, citation in zip(
        owned["spans"], public["cited_hashes"], answer["citations"], strict=True
    ):
        assert span["title"] == citation["title"]
        said = f"{span['revision_id']}:{span['start']}:{span['end']}:{citation['sha256']}"
        assert hashlib.sha256(bytes.fromhex(span["salt"]) + said.encode()).hexdigest() == hashed
    stranger = await world.reader()
    assert "owner" not in (await world.client.get(path, headers=stranger.headers)).json()
    missing = await world.client.get(f"/v1/receipts/{answer['id']}")
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"question": " "}, "/question"),
        ({"question": "长" * 2001}, "/question"),
        ({"question": 3}, "/question"),
        ({"question": "a", "price": 1}, "/price"),
        ({"question": "a", "conversation_id": "x"}, "/conversation_id"),
    ],
)
async def test_a_bad_question_is_400_with_a_pointer(
    world: World, body: dict[str, object], pointer: str
) -> None:
    reader = await world.reader()
    path = f"/v1/knowledge-bases/{world.base['id']}/ask"
    answer = await world.client.post(path, json=body, headers=reader.headers)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_bases_are_named_once_and_not_too_many(world: World) -> None:
    reader = await world.reader()
    base = world.base["id"]
    for ids, pointer in (
        ([], "/knowledge_base_ids"),
        ([base, base], "/knowledge_base_ids/1"),
        ([base[:-2] + f"{n:02x}" for n in range(51)], "/knowledge_base_ids"),
    ):
        sent = {"question": "a", "knowledge_base_ids": ids}
        answer = await world.client.post("/v1/ask", json=sent, headers=reader.headers)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_unknown_bases_and_nobody_signed_in(world: World) -> None:
    reader = await world.reader()
    unknown = await world.client.post(
        "/v1/knowledge-bases/no-such-base/ask", json={"question": "a"}, headers=reader.headers
    )
    assert unknown.status_code == 404
    nobody = await world.client.post(f"/v1/knowledge-bases/{world.base['id']}/ask", json={"question": "a"})
    assert nobody.status_code == 401
