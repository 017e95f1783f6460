"""The clients of an embedder and a reranker, against a server on loopback."""

import math

import pytest

from search.passages.embedder import EmbedderUnavailable, TextsRefused
from service.answering.http_reranker import HttpReranker, RerankerConfig
from service.answering.openai_embedder import EmbedderConfig, OpenAIEmbedder
from tests.stubs.meaning_server import stub_meaning


async def test_an_embedder_says_whether_it_is_the_texts_that_it_refuses() -> None:
    async with stub_meaning() as stub:
        embedder = OpenAIEmbedder(EmbedderConfig("stub", stub.base_url, ""))
        (vector,) = await embedder.embed(["probation"], seconds=5)
        assert math.isclose(sum(value * value for value in vector), 1)
        for status, refused in ((400, True), (413, True), (401, False), (429, False), (500, False)):
            stub.status = status
            with pytest.raises(EmbedderUnavailable) as raised:
                await embedder.embed(["probation"], seconds=5)
            assert isinstance(raised.value, TextsRefused) is refused
        stub.status, stub.seconds = 200, 30
        with pytest.raises(EmbedderUnavailable):
            await embedder.embed(["probation"], seconds=0.1)
        await embedder.close()


async def test_a_reranker_gives_every_position_once_best_first() -> None:
    async with stub_meaning() as stub:
        reranker = HttpReranker(RerankerConfig(stub.base_url, "k", "m", 5))
        assert await reranker.rerank("password", ["bread", "the password", "unicorn"]) == [1, 0, 2]
        assert stub.requests[0]["top_n"] == 3
        await reranker.close()
