"""Passages found by meaning and put in order by a reranker, each a stub server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from search.passages.scope import AccessScope, IndexView, Tier
from service.answering.http_reranker import HttpReranker, RerankerConfig
from service.answering.openai_embedder import EmbedderConfig, OpenAIEmbedder
from service.platform.database import Database
from service.usecases.find_passages import find_passages
from tests.integration.library import zipped
from tests.integration.metering import run
from tests.integration.questions import CANARY, FOREIGN, FREE_QUESTION, QUESTION, World, open_world
from tests.stubs.meaning_server import StubMeaning, stub_meaning

PROBATION, PASSWORD, LEAVE = "How long is the probation", "What is the password", "How much vacation is there"

Opening = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
async def stub() -> AsyncIterator[StubMeaning]:
    async with stub_meaning() as server:
        yield server


@pytest.fixture
def opening(stub: StubMeaning, database: Database, database_url: str, tmp_path: Path) -> Opening:
    @asynccontextmanager
    async def opened(
        *, reranking: bool = False, embedding: bool = True, seconds: float = 2.0, **more: Any
    ) -> AsyncIterator[World]:
        settings = {"embedding_query_seconds": seconds, "embedding_batch": 2}
        embedder = OpenAIEmbedder(EmbedderConfig("stub", stub.base_url, "k")) if embedding else None
        config = RerankerConfig(stub.base_url + "/", "k", "stub", seconds)
        reranker = HttpReranker(config) if reranking else None
        parts = {"embedder": embedder, "reranker": reranker, "settings": settings}
        async with open_world(database, database_url, tmp_path, parts=parts, **more) as world:
            yield world
        for part in (embedder, reranker):
            if part is not None:
                await part.close()

    return opened


async def found(world: World, query: str, tier: Tier = "all", *excluded: str) -> list[str]:
    """The passages that somebody of this tier gets, each with its heading."""
    view = IndexView(world.base_id, tier, excluded_documents=frozenset(map(UUID, excluded)))
    hits = await find_passages(world.context, AccessScope((view,)), query, limit=8)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    return [hit.text for hit in hits]


async def vectors(world: World) -> int:
    return await world.count("passage_vector")


@pytest.mark.parametrize("extension", [True, False], ids=["pgvector", "plain SQL"])
async def test_what_shares_no_word_with_the_question_is_found_by_meaning(
    opening: Opening, extension: bool
) -> None:
    async with opening() as world:
        if not extension:
            await run(world.context.database, "DROP EXTENSION vector CASCADE")
        assert await vectors(world) == 3
        assert "不得超过一个月" in (await found(world, PROBATION))[0]
        assert CANARY in (await found(world, PASSWORD))[0]
        assert "年休假" in (await found(world, LEAVE))[0]
        headers, _ = await world.key(cap=100)
        body = {"query": PROBATION, "knowledge_base_ids": [world.base["id"]], "top_k": 1}
        said = (await world.client.post("/api/v1/passages", json=body, headers=headers)).json()
        (passage,) = said["passages"]
        stored = await world.text_of(passage["revision_id"])
        assert passage["text"] == stored[passage["start"] : passage["end"]]
        assert passage["locator"]["heading_path"] == ["试用期"]


async def test_meaning_finds_nothing_outside_the_scope(opening: Opening) -> None:
    async with opening() as world:
        other = await world.creator.knowledge_base("另一个")
        await world.creator.upload(other, "密码.md", "# 密码\n\n那里的暗号是小白兔，不要外传。", tier="free")
        for query in (PASSWORD, PROBATION, QUESTION, "本店的暗号是什么"):
            closed = "".join(await found(world, query, "free"))
            assert closed
            assert CANARY not in closed
            assert "试用期" not in closed
            assert "小白兔" not in "".join(await found(world, query))
            assert CANARY not in "".join(await found(world, query, "all", world.paid["id"]))
        alone = await found(world, PASSWORD, "free")
        path = f"/knowledge-bases/{world.base['id']}/documents/{world.paid['id']}"
        await world.creator.delete(path)
        assert await found(world, PASSWORD, "all", world.paid["id"]) == alone


async def test_vectors_go_with_what_readers_are_shown(opening: Opening) -> None:
    async with opening() as world:
        path = f"/knowledge-bases/{world.base['id']}/documents/{world.paid['id']}"
        sent = {"file": ("试用期.md", "# 试用期\n\n如今没有试用期了。".encode())}
        assert (await world.creator.send("PUT", f"{path}/file", files=sent)).is_success
        await world.library.work()
        assert await vectors(world) == 2
        assert "如今没有试用期" in (await found(world, PROBATION))[0]
        await world.creator.delete(path)
        await world.library.work()
        assert await vectors(world) == 1
        await world.creator.delete(f"/knowledge-bases/{world.base['id']}")
        await world.library.work()
        assert await vectors(world) == 0


async def test_a_text_that_moves_behind_payment_is_out_of_reach_at_once(opening: Opening) -> None:
    async with opening() as world:
        assert "年休假" in "".join(await found(world, LEAVE, "free"))
        path = f"/knowledge-bases/{world.base['id']}/documents/{world.free['id']}"
        await world.creator.patch(path, {"tier": "paid"})
        async with world.context.database.reading() as connection:
            query = text("SELECT excluded_document_ids FROM passage_index WHERE knowledge_base_id = :id")
            (excluded,) = (await connection.execute(query, {"id": world.base_id})).scalars()
        assert await found(world, LEAVE, "free", *map(str, excluded)) == []


async def test_an_import_is_embedded_too_and_done_once(opening: Opening, stub: StubMeaning) -> None:
    async with opening() as world:
        files = {f"面包{n}.md": f"# 面包\n\n第 {n} 种面包要揉 {n} 分钟。" for n in range(5)}
        await world.creator.request_import(world.base, zipped(files), tier="free")
        await world.library.work()
        assert await vectors(world) == 8
        sent = len(stub.embedded)
        await world.creator.request_import(world.base, zipped(files), tier="free")
        await world.library.work()
        assert len(stub.embedded) == sent, "what has a vector is not sent again"


async def test_an_embedder_that_is_away_blocks_nothing(opening: Opening, stub: StubMeaning) -> None:
    stub.status = 500
    async with opening() as world:
        assert world.paid["status"] == "ready"
        assert "不得超过六个月" in (await found(world, QUESTION))[0]
        assert await vectors(world) == 0
        reader = await world.reader(subscribed=True)
        assert (await world.answer(reader, QUESTION))["refused"] is False
        stub.status = 200
        await run(world.context.database, "UPDATE procrastinate_jobs SET scheduled_at = now()")
        await world.library.work()
        assert await vectors(world) == 3


async def test_an_embedder_that_is_slow_is_not_waited_for(opening: Opening, stub: StubMeaning) -> None:
    async with opening(seconds=0.2) as world:
        stub.seconds = 30
        async with asyncio.timeout(5):
            assert "不得超过六个月" in (await found(world, QUESTION))[0]


async def test_a_text_the_embedder_refuses_is_still_found_by_words(
    opening: Opening, stub: StubMeaning
) -> None:
    stub.poison = CANARY
    async with opening() as world:
        assert await world.count("passage_vector WHERE dimensions = 0") == 1
        assert await vectors(world) == 3
        assert CANARY in (await found(world, "本店的暗号是什么"))[0]
        assert "不得超过一个月" in (await found(world, PROBATION))[0]


async def test_questions_the_texts_do_not_answer_are_still_refused(opening: Opening) -> None:
    async with opening(reranking=True) as world:
        reader = await world.reader(subscribed=True)
        for question in (FOREIGN, "How do I bake bread?", "珠穆朗玛峰有多高"):
            assert (await world.answer(reader, question))["refused"] is True
        for question in (QUESTION, FREE_QUESTION):
            assert (await world.answer(reader, question))["refused"] is False


async def test_a_reranker_orders_what_was_found_and_adds_nothing(opening: Opening, stub: StubMeaning) -> None:
    async with opening(reranking=True, embedding=False) as world:
        asked = "试用期 暗号 password password"
        hits = await found(world, asked, "all")
        assert CANARY in hits[0]
        (request,) = stub.requests
        assert request["query"] == asked
        assert sorted(request["documents"]) == sorted(hits)
        stub.requests.clear()
        await found(world, "试用期 暗号 年休假 职工", "free")
        assert CANARY not in str(stub.requests)


async def test_without_the_reranker_passages_stay_as_they_were(opening: Opening, stub: StubMeaning) -> None:
    async with opening(reranking=True, embedding=False, seconds=0.2) as world:
        stub.status = 500
        assert len(await found(world, "试用期多久，暗号是什么")) == 2
        stub.status, stub.seconds = 200, 30
        async with asyncio.timeout(5):
            assert len(await found(world, "试用期多久，暗号是什么")) == 2
        assert stub.requests == []
