"""How search servers are spoken to: keys, no room, refusals of single documents, a server that is away.

On stand-ins: a real server cannot be told to be full."""

from __future__ import annotations

import base64
from asyncio import gather, sleep
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from search.engine.address import BadSearchURL, Where, where
from search.engine.config import EngineConfig
from search.engine.elasticsearch_client import connect
from search.engine.opening import open_cards, open_passages
from search.engine.port import CardQuery, DocumentsRefused, EngineUnavailable
from search.square.synonyms import Synonyms
from tests.contract.engines.elasticsearch_standin import Elasticsearch
from tests.contract.engines.loopback import Faults, serving
from tests.contract.engines.meilisearch_standin import Meilisearch
from tests.contract.engines.worlds import ONE, card, document, found, scope, unreachable
from tests.own_time import own_time

KINDS = ["meilisearch", "elasticsearch"]
FULL = {"error": {"type": "es_rejected_execution_exception"}, "code": "too_many_requests", "message": ""}


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path, faults: Faults) -> Iterator[EngineConfig]:
    server = Meilisearch() if request.param == "meilisearch" else Elasticsearch()
    with serving(server, faults) as address:
        yield EngineConfig(
            where(f"{request.param}+http://{address}"), tmp_path, retries=2, backoff_seconds=0.01
        )


@pytest.mark.parametrize("config", KINDS, indirect=True)
async def test_the_key_goes_with_every_request(config: EngineConfig, faults: Faults) -> None:
    engine = open_cards(replace(config, api_key="a-key"))
    await engine.put([card(1, "Python")])
    await engine.search(CardQuery("python"))
    await engine.close()
    said = {headers.get("Authorization") or headers.get("authorization") for _, _, headers in faults.seen}
    assert said in ({"Bearer a-key"}, {"ApiKey a-key"})
    assert "a-key" not in repr(replace(config, api_key="a-key"))


@pytest.mark.parametrize("config", ["elasticsearch"], indirect=True)
async def test_a_name_and_password_go_with_every_request(config: EngineConfig, faults: Faults) -> None:
    engine = open_passages(replace(config, username="me", password="secret"))
    await engine.add(ONE, [document(1, "试用期")])
    await engine.close()
    said = {headers.get("Authorization") or headers.get("authorization") for _, _, headers in faults.seen}
    assert said == {"Basic " + base64.b64encode(b"me:secret").decode()}


@pytest.mark.parametrize("config", KINDS, indirect=True)
async def test_what_there_was_no_room_for_is_sent_again(config: EngineConfig, faults: Faults) -> None:
    engine = open_cards(config)
    await engine.put([card(1, "Python")])
    part = "documents" if config.where.kind == "meilisearch" else "_bulk"
    for _ in range(2):
        faults.once(part, 429, FULL)
    await engine.put([card(2, "Python")])
    assert found(await engine.search(CardQuery("python"))) == [2, 1]
    for _ in range(3):
        faults.once(part, 429, FULL)
    with pytest.raises(EngineUnavailable):
        await engine.put([card(3, "Python")])
    await engine.close()


@pytest.mark.parametrize("config", ["elasticsearch"], indirect=True)
async def test_single_documents_without_room_are_sent_again(config: EngineConfig, faults: Faults) -> None:
    engine = open_cards(config)
    await engine.put([card(1, "Python")])
    item = {"index": {"_id": str(UUID(int=2)), "status": 429, "error": {"type": "rejected"}}}
    faults.once("_bulk", 200, {"errors": True, "items": [item]})
    assert await engine.put([card(2, "Python")]) == []
    assert found(await engine.search(CardQuery("python"))) == [2, 1]
    await engine.close()


@pytest.mark.parametrize("config", KINDS, indirect=True)
async def test_a_write_is_sent_in_pieces(config: EngineConfig, faults: Faults) -> None:
    engine = open_cards(replace(config, bulk_documents=10))
    await engine.rebuild([card(n, "Python") for n in range(35)])
    part = "/documents" if config.where.kind == "meilisearch" else "/_bulk"
    assert sum(path.endswith(part) for _, path, _ in faults.seen) == 4
    assert (await engine.search(CardQuery("python"))).total == 35
    await engine.close()


@pytest.mark.parametrize("config", KINDS, indirect=True)
async def test_a_card_that_is_refused_is_told_and_holds_up_no_other(
    config: EngineConfig, faults: Faults
) -> None:
    engine = open_cards(config)
    good, bad = [card(n, "Python") for n in (1, 2, 3)], card(4, "Python", "\0")  # which one stand-in refuses
    if config.where.kind == "elasticsearch":
        await engine.put(good)
        refused = {"index": {"_id": str(bad.id), "status": 400, "error": {"type": "t", "reason": "r"}}}
        taken = [{"index": {"_id": str(one.id), "status": 201}} for one in good]
        faults.once("_bulk", 200, {"errors": True, "items": [*taken, refused]})
    told = await engine.put([*good, bad])
    assert [one.id for one in told] == [bad.id]
    assert told[0].reason
    assert sorted(found(await engine.search(CardQuery("python")))) == [1, 2, 3]
    await engine.close()


@pytest.mark.parametrize("config", ["elasticsearch"], indirect=True)
async def test_a_document_that_is_refused_in_part_is_not_found_at_all(
    config: EngineConfig, faults: Faults
) -> None:
    engine = open_passages(config)
    await engine.add(ONE, [document(1, "试用期旧文")])

    def refuse(method: str, path: str) -> tuple[int, object] | None:
        if not path.endswith("_bulk"):
            return None
        items = [
            {"index": {"_id": f"b:{UUID(int=1)}:0", "status": 400, "error": {"type": "t", "reason": "bad"}}},
            {"index": {"_id": f"b:{UUID(int=2)}:0", "status": 201}},
        ]
        return 200, {"errors": True, "items": items}

    faults.next.append(refuse)
    with pytest.raises(DocumentsRefused, match="bad") as caught:
        await engine.add(ONE, [document(1, "试用期新文"), document(2, "解除")])
    assert [one.id for one in caught.value.refused] == [UUID(int=1)]
    assert await engine.search(scope(ONE), "试用期", limit=5) == []
    await engine.close()


@pytest.mark.parametrize("config", ["elasticsearch"], indirect=True)
async def test_an_index_that_cannot_be_counted_is_not_deleted_as_an_empty_one(
    config: EngineConfig, faults: Faults
) -> None:
    engine, client = open_passages(config), connect(config)
    await engine.add(ONE, [document(1, "试用期")])
    await unreachable(client, f"{config.prefix}-passages")
    await engine.rebuild(ONE, [document(1, "试用期")])
    assert "DELETE" not in {method for method, _, _ in faults.seen}
    await engine.close()
    await client.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_is_away_is_unavailable_and_not_named(kind: str, tmp_path: Path) -> None:
    config = EngineConfig(where(f"{kind}+http://127.0.0.1:9"), tmp_path, timeout_seconds=1.0)
    engine = open_cards(config)
    for call in (engine.search(CardQuery("python")), engine.put([card(1, "Python")]), engine.rebuild([])):
        with pytest.raises(EngineUnavailable) as caught:
            await call
        assert "127.0.0.1" not in str(caught.value)
    await engine.close()
    if kind == "elasticsearch":
        passages = open_passages(config)
        with pytest.raises(EngineUnavailable):
            await passages.search(scope(ONE), "试用期", limit=5)
        await passages.close()


@pytest.mark.parametrize("config", KINDS, indirect=True)
async def test_a_server_that_hangs_is_left_alone_for_a_while(config: EngineConfig, faults: Faults) -> None:
    engine = open_cards(replace(config, timeout_seconds=0.3, rest_after=3, rest_seconds=0.6))
    await engine.put([card(1, "Python")])

    async def refusals(count: int) -> tuple[int, float]:
        """How many requests so many searches at once were, and the seconds they took."""
        before, started = len(faults.seen), own_time()
        said = await gather(
            *(engine.search(CardQuery("python")) for _ in range(count)), return_exceptions=True
        )
        assert {type(one) for one in said} == {EngineUnavailable}
        return len(faults.seen) - before, own_time() - started

    faults.hanging = True
    for _ in range(3):
        assert (await refusals(1))[0] == 1
    sent, seconds = await refusals(20)
    assert sent == 0
    assert seconds < 0.2
    await sleep(0.6)
    assert (await refusals(5))[0] == 1, "one tries, the others do not wait"
    faults.hanging = False
    assert (await refusals(1))[0] == 0, "its timeout began another rest"
    await sleep(0.6)
    for _ in range(2):
        assert found(await engine.search(CardQuery("python"))) == [1]
    await engine.close()


def test_an_address_names_an_engine_and_hosts() -> None:
    assert where("") == Where("embedded")
    assert where("meilisearch+http://search:7700/") == Where("meilisearch", ("http://search:7700",))
    two = where("elasticsearch+https://one:9200,two:9200/path")
    assert two == Where("elasticsearch", ("https://one:9200", "https://two:9200/path"))
    for wrong in (
        "http://search:7700", "solr+http://x", "meilisearch+http://", "meilisearch+http://a,b",
        "elasticsearch+https://me:secret@one:9200", "elasticsearch+https://one:9200?x=1",
    ):  # fmt: skip
        with pytest.raises(BadSearchURL) as caught:
            where(wrong)
        assert "secret" not in str(caught.value)


def test_a_list_of_synonyms_is_read_or_refused_by_line() -> None:
    groups = Synonyms.read("a, b # letters\n\n合同，契约").groups
    assert [[phrase.folded for phrase in group] for group in groups] == [["a", "b"], ["合同", "契约"]]
    for wrong, line in (("a, b\nalone", "line 2"), ("a, b\nb, c", "line 2: b")):
        with pytest.raises(ValueError, match=line):
            Synonyms.read(wrong)
