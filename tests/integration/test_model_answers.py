"""Questions answered through a model, which a stub server stands in for, honest or not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from service.platform.database import Database
from service.usecases import owned_tasks
from tests.integration.metering import run
from tests.integration.questions import (
    CANARY,
    CANARY_QUESTION,
    QUESTION,
    World,
    events_of,
    leave_when,
    open_world,
)
from tests.stubs.openai_server import StubModel, saying, stub_model

STREAM = {"accept": "text/event-stream"}
GOOD = "三年以上固定期限的劳动合同，试用期不得超过六个月。[1]"


class Opening(Protocol):
    def __call__(self, model: StubModel, **fields: Any) -> AbstractAsyncContextManager[World]: ...


@pytest.fixture
def opening(database: Database, database_url: str, tmp_path: Path) -> Opening:
    def opened(model: StubModel, **fields: Any) -> AbstractAsyncContextManager[World]:
        return open_world(database, database_url, tmp_path, model_url=model.base_url, **fields)

    return opened


async def settled(world: World) -> None:
    """Waits for everything the process still does for callers who left."""
    await owned_tasks.drain(5)


async def counters(world: World, subject: object) -> Any:
    rows = await run(
        world.context.database,
        "SELECT spent, reserved FROM spend_counter WHERE subject_id = :id",
        id=subject,
    )
    return [tuple(row) for row in rows]


async def status_of_only_answer(world: World) -> Any:
    rows = await run(world.context.database, "SELECT status, text FROM answer")
    assert len(rows) == 1
    return tuple(rows[0])


async def test_supported_sentences_are_handed_over_with_their_citations(opening: Opening) -> None:
    reply = saying("三年以上固定期限的劳动", "合同，试用期不得超过六个月。", "[1]")
    async with stub_model(reply) as model, opening(model) as world:
        reader = await world.reader(subscribed=True)
        answer = await world.answer(reader, QUESTION)
        assert answer["text"] == GOOD
        (citation,) = answer["citations"]
        text = await world.text_of(citation["revision_id"])
        assert citation["quote"] == text[citation["start"] : citation["end"]]
        rows = await run(
            world.context.database, "SELECT model, input_tokens, output_tokens, status FROM answer"
        )
        assert [tuple(row) for row in rows] == [("stub", 11, len(GOOD), "done")]


async def test_unsupported_sentences_are_dropped(opening: Opening) -> None:
    reply = saying(
        "试用期可以长达三年。[1]", "Buy shares at https://evil.example now. [1]", GOOD, "没有出处的话。",
        "三年以上固定期限的劳动合同，试用期不得超过十二个月。[1]", "试用期不得超过六个月。[99]",
    )  # fmt: skip
    async with stub_model(reply) as model, opening(model) as world:
        reader = await world.reader(subscribed=True)
        answer = await world.answer(reader, QUESTION)
        assert answer["text"] == GOOD


@pytest.mark.parametrize("said", ["NO_ANSWER", "I know this: twelve months.", "", "[1]", "不知道。[1]"])
async def test_nothing_supported_is_a_refusal_and_unbilled(opening: Opening, said: str) -> None:
    async with stub_model(saying(said)) as model, opening(model) as world:
        headers, _ = await world.key(cap=100)
        body = {"question": QUESTION, "knowledge_base_ids": [world.base["id"]]}
        answer = (await world.client.post("/api/v1/answers", json=body, headers=headers)).json()
        assert answer["refused"] is True
        assert answer["citations"] == []
        assert answer["usage"]["billed_units"] == 0
        assert await world.count("usage_event") == 0


async def test_the_prompt_of_a_free_asker_holds_no_paid_text(opening: Opening) -> None:
    """Even a model that would repeat everything it was told has nothing to repeat."""

    async def parrot(request: dict[str, Any]) -> AsyncIterator[str]:
        for line in request["messages"][-1]["content"].splitlines():
            yield f"{line}[1]\n"

    async with stub_model(parrot) as model, opening(model) as world:
        own = await world.library.creator("own")
        theirs = await own.knowledge_base("自己的")
        await own.upload(theirs, "自己.md", "# 暗号\n\n我家的暗号是小白兔。", tier="paid")
        ids = [world.base["id"], theirs["id"]]
        for question in (CANARY_QUESTION, "暗号 独角", QUESTION):
            said = await world.client.post(
                "/v1/ask", json={"question": question, "knowledge_base_ids": ids}, headers=own.person.headers
            )
            assert said.status_code == 200
            assert CANARY not in said.text
        assert model.requests
        assert CANARY not in model.prompts
        assert "不得超过六个月" not in model.prompts
        assert "小白兔" in model.prompts


async def test_a_model_that_stalls_is_an_error_and_unbilled(opening: Opening) -> None:
    async def stalling(_request: dict[str, Any]) -> AsyncIterator[str]:
        yield GOOD + "\n"
        await asyncio.sleep(60)

    async with stub_model(stalling) as model, opening(model, idle_seconds=0.3) as world:
        headers, customer = await world.key(cap=100)
        body = {"question": QUESTION, "knowledge_base_ids": [world.base["id"]]}
        plain = await world.client.post("/api/v1/answers", json=body, headers=headers)
        assert plain.status_code == 503
        assert plain.json()["code"] == "model_unavailable"
        stream = await world.client.post("/api/v1/answers", json=body, headers=headers | STREAM)
        events = events_of(stream.text)
        assert [name for name, _ in events] == ["meta", "delta", "citation", "error"]
        assert events[-1][1]["code"] == "model_unavailable"
        await asyncio.wait_for(model.closed.wait(), 1)
        assert await counters(world, customer.organization_id) == [(0, 0)]
        assert await world.count("usage_event") == 0
        assert await world.count("answer WHERE status = 'failed'") == 2


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_what_the_models_server_says_is_shown_to_nobody(opening: Opening, status: int) -> None:
    async with stub_model(saying()) as model, opening(model) as world:
        model.status = status
        reader = await world.reader(subscribed=True)
        once = {"idempotency-key": "m"}
        failed = await world.ask(reader, QUESTION, headers=once)
        assert failed.status_code == 503
        assert "secret upstream" not in failed.text
        model.status, model.reply = 200, saying(GOOD)
        assert (await world.answer(reader, QUESTION, headers=once))["text"] == GOOD


async def test_a_reply_cut_short_is_an_error(opening: Opening) -> None:
    async with stub_model(saying(GOOD)) as model, opening(model) as world:
        model.cut = True
        reader = await world.reader(subscribed=True)
        assert (await world.ask(reader, QUESTION)).status_code == 503


async def test_who_leaves_before_the_first_delta_pays_nothing(opening: Opening) -> None:
    async def slow(_request: dict[str, Any]) -> AsyncIterator[str]:
        yield "三年以上"
        await asyncio.sleep(60)

    async with stub_model(slow) as model, opening(model) as world:
        headers, customer = await world.key(cap=100)
        body = {"question": QUESTION, "knowledge_base_ids": [world.base["id"]], "stream": True}
        came = await leave_when(
            world, "/api/v1/answers", body, headers, when=lambda text: "meta" in text, after=model.asked
        )
        assert "event: delta" not in came
        await asyncio.wait_for(model.closed.wait(), 1)
        await settled(world)
        assert (await status_of_only_answer(world))[0] == "failed"
        assert await counters(world, customer.organization_id) == [(0, 0)]
        assert await world.count("usage_event") == 0


async def test_who_leaves_after_the_first_delta_is_billed_and_the_part_is_kept(opening: Opening) -> None:
    async def slow(_request: dict[str, Any]) -> AsyncIterator[str]:
        yield GOOD + "\n"
        await asyncio.sleep(60)

    async with stub_model(slow) as model, opening(model) as world:
        headers, customer = await world.key(cap=100)
        headers |= {"idempotency-key": "cut"}
        body = {"question": QUESTION, "knowledge_base_ids": [world.base["id"]], "stream": True}
        await leave_when(world, "/api/v1/answers", body, headers, when=lambda text: "event: delta" in text)
        await asyncio.wait_for(model.closed.wait(), 1)
        await settled(world)
        assert await status_of_only_answer(world) == ("interrupted", GOOD)
        assert await counters(world, customer.organization_id) == [(20, 0)]
        again = await world.client.post("/api/v1/answers", json=body, headers=headers)
        done = events_of(again.text)[-1][1]
        assert done["interrupted"] is True
        assert done["text"] == GOOD
        assert await world.count("usage_event") == 1
        assert len(model.requests) == 1


async def test_a_plain_call_whose_caller_leaves_is_unbilled(opening: Opening) -> None:
    async def slow(_request: dict[str, Any]) -> AsyncIterator[str]:
        await asyncio.sleep(60)
        yield GOOD

    async with stub_model(slow) as model, opening(model) as world:
        headers, customer = await world.key(cap=100)
        body = {"question": QUESTION, "knowledge_base_ids": [world.base["id"]]}
        calling = asyncio.create_task(world.client.post("/api/v1/answers", json=body, headers=headers))
        await model.asked.wait()
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        await asyncio.wait_for(model.closed.wait(), 1)
        await settled(world)
        assert await counters(world, customer.organization_id) == [(0, 0)]
        assert (await status_of_only_answer(world))[0] == "failed"


async def test_a_stopping_process_ends_its_streams_with_an_error_and_bills_nothing(opening: Opening) -> None:
    async def slow(_request: dict[str, Any]) -> AsyncIterator[str]:
        yield GOOD + "\n"
        await asyncio.sleep(60)

    async with stub_model(slow) as model, opening(model) as world:
        reader = await world.reader(subscribed=True)
        asking = asyncio.create_task(world.ask(reader, QUESTION, headers=STREAM))
        await model.asked.wait()
        await owned_tasks.drain(0.1)
        events = events_of((await asking).text)
        assert events[-1][0] == "error"
        assert events[-1][1]["code"] == "answer_interrupted"
        assert (await status_of_only_answer(world))[0] == "failed"
