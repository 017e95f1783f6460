"""What a cluster of Elasticsearch has bounds for, and what happens on it at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import pytest

from search.engine.config import EngineConfig
from search.engine.elasticsearch_client import behind, connect
from search.engine.opening import open_cards, open_passages
from search.engine.port import CardQuery, EngineUnavailable, IndexDocument
from tests.contract.engines.worlds import ONE, TWO, card, document, scope, unreachable

pytestmark = pytest.mark.parametrize("config", ["elasticsearch-standin", "elasticsearch"], indirect=True)


async def test_another_shape_is_another_index_and_both_are_searched_meanwhile(config: EngineConfig) -> None:
    """More shards: each base moves as it is rebuilt, found all the while; the old index goes when empty."""
    before, after, client = open_passages(config), open_passages(replace(config, shards=3)), connect(config)
    await before.add(ONE, [document(1, "试用期一")])
    await before.add(TWO, [document(2, "试用期二", base=TWO)])
    for base, indexes in ((ONE, 2), (TWO, 1)):
        await after.rebuild(base, [document(base.int, "试用期", base=base)])
        assert len(await after.search(scope(ONE, TWO), "试用期", limit=5)) == 2
        assert len(await behind(client, f"{config.prefix}-passages")) == indexes
    for engine in (before, after, client):
        await engine.close()


async def test_of_two_writers_at_once_one_fails(config: EngineConfig) -> None:
    one, other = open_passages(config), open_passages(config)
    await one.add(ONE, [document(1, "试用期")])

    async def slow() -> AsyncIterator[IndexDocument]:
        yield document(2, "解除")
        await other.add(ONE, [document(3, "赔偿")])

    with pytest.raises(EngineUnavailable, match="409"):
        await one.rebuild(ONE, slow())
    assert len(await one.search(scope(ONE), "赔偿", limit=5)) == 1
    await one.close()
    await other.close()


async def test_more_knowledge_bases_are_asked_than_an_address_holds(config: EngineConfig) -> None:
    engine = open_passages(config)
    await engine.add(ONE, [document(1, "试用期")])
    await engine.add(TWO, [document(2, "试用期", base=TWO)])
    others = [UUID(int=2**100 + n) for n in range(150)]
    hits = await engine.search(scope(ONE, *others), "试用期", limit=5)
    assert [hit.document_id.int for hit in hits] == [1], "what is not asked for is not found without routing"
    await engine.close()


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's, of over 1 MiB
async def test_more_documents_are_left_out_than_a_list_holds(config: EngineConfig) -> None:
    engine = open_passages(config)
    await engine.add(ONE, [document(n, "试用期") for n in (1, 2)])
    gone = {UUID(int=n) for n in range(2, 65_600)}
    (hit,) = await engine.search(scope(ONE, excluded=gone), "试用期", limit=5)
    assert hit.document_id.int == 1
    await engine.close()


async def test_a_shard_that_is_away_makes_no_shorter_answer_but_none(config: EngineConfig) -> None:
    passages, cards, client = open_passages(config), open_cards(config), connect(config)
    await passages.add(ONE, [document(1, "试用期")])
    await cards.put([card(1, "Python")])
    for kind in ("passages", "cards"):
        await unreachable(client, f"{config.prefix}-{kind}")
    asking: list[Callable[[], Awaitable[object]]] = [
        lambda: passages.search(scope(ONE), "试用期", limit=5),
        lambda: cards.search(CardQuery("python")),
        lambda: cards.search(CardQuery()),
    ]
    for ask in asking:
        with pytest.raises(EngineUnavailable, match="503"):
            await ask()
    for engine in (passages, cards, client):
        await engine.close()
