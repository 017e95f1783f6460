"""Outlines over HTTP: whose they are, what they stand on, and that they hold nothing of what is closed."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.answering.openai_model import ModelConfig, OpenAIModel
from service.platform.database import Database
from service.usecases.read_outline import draw_outlines
from tests.integration.library import Json
from tests.integration.metering import run
from tests.integration.questions import CANARY, World, open_world
from tests.stubs.openai_server import saying, stub_model

FORMATS = ("json", "markdown", "mermaid", "opml", "svg")


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, database_url, tmp_path) as made:
        yield made


def nodes_of(outline: Json) -> Iterator[Json]:
    """Every node of an outline, its key points among them."""
    waiting = [*outline["nodes"], *outline["key_points"]]
    while waiting:
        node = waiting.pop()
        waiting += node["children"]
        yield node


async def stands(world: World, outline: Json) -> int:
    """How many nodes there are; each one's span hashes to what it says."""
    nodes = list(nodes_of(outline))
    for node in nodes:
        span = (await world.text_of(node["revision_id"]))[node["start"] : node["end"]]
        assert hashlib.sha256(span.encode()).hexdigest() == node["sha256"]
    return len(nodes)


async def read(world: World, path: str, headers: dict[str, str] | None = None) -> Json:
    answer = await world.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_an_owner_and_a_subscriber_see_the_whole_on_its_spans(world: World) -> None:
    owned = await world.creator.get(f"/knowledge-bases/{world.base['id']}/outline")
    assert await stands(world, owned) > 6
    assert owned["written_by"] == "extract"
    assert CANARY in str(owned)
    reader = await world.reader(subscribed=True)
    assert await read(world, f"/v1/knowledge-bases/{world.base['slug']}/outline", reader.headers) == owned
    path = f"/v1/knowledge-bases/{world.base['id']}/documents/{world.paid['id']}/outline"
    one = await read(world, path, reader.headers)
    assert one["title"] == "试用期"
    assert [node["document_id"] for node in one["nodes"]] == [world.paid["id"]]


async def test_a_free_outline_is_that_of_a_base_without_the_paid_document(world: World) -> None:
    path = f"/v1/knowledge-bases/{world.base['id']}/outline"
    reader = await world.reader()
    for headers in (None, reader.headers):
        found = await read(world, path, headers)
        assert {node["document_id"] for node in nodes_of(found)} == {world.free["id"]}
        for form in FORMATS:
            shown = await world.client.get(path, params={"format": form}, headers=headers)
            assert shown.status_code == 200
            assert CANARY not in shown.text
            assert "试用期" not in shown.text
            assert "休假" in shown.text
            assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert await world.count("revision_outline") == 1, "closed text was not even drawn for them"
    before = await read(world, path)
    await world.creator.delete(f"/knowledge-bases/{world.base['id']}/documents/{world.paid['id']}")
    assert await read(world, path) == before


async def test_a_paid_documents_outline_is_402_and_a_hidden_bases_404(world: World) -> None:
    reader = await world.reader()
    base = f"/v1/knowledge-bases/{world.base['id']}"
    refused = await world.client.get(f"{base}/documents/{world.paid['id']}/outline", headers=reader.headers)
    assert (refused.status_code, refused.json()["code"]) == (402, "entitlement_required")
    assert refused.json()["plans"] == []
    await world.creator.post(f"/knowledge-bases/{world.base['id']}/unpublish", {})
    assert (await world.client.get(f"{base}/outline", headers=reader.headers)).status_code == 404


async def test_a_tier_counts_from_its_change_on_and_a_row_serves_every_tier(world: World) -> None:
    path = f"/v1/knowledge-bases/{world.base['id']}/outline"
    document = f"/knowledge-bases/{world.base['id']}/documents/{world.paid['id']}"
    await world.creator.patch(document, {"tier": "free"})
    assert CANARY in str(await read(world, path))
    await world.creator.patch(document, {"tier": "paid"})
    assert CANARY not in str(await read(world, path))
    assert await world.count("revision_outline") == 2


async def test_what_is_not_drawn_in_time_is_drawn_by_a_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.context.settings, "outline_wait_seconds", 1e-9)
    path = f"/v1/knowledge-bases/{world.base['id']}/outline"
    first = await read(world, path)
    assert first["pending"] == 1
    assert [(node["title"], node["children"]) for node in first["nodes"]] == [("休假", [])]
    await stands(world, first)
    await world.library.work()
    second = await read(world, path)
    assert second["pending"] == 0
    assert second["nodes"][0]["children"]


async def test_a_model_writes_what_the_text_supports_and_nothing_else(world: World) -> None:
    said = (
        "Here is your map.\n# 试用期 [1]\n- 三年以上固定期限的劳动合同，试用期不得超过六个月 [1]\n"
        "- 试用期不得超过九个月 [1]\n- 公司必须发放月饼 [1]\n- 没有标记的一行\n# 暗号 [9]\n"
        "- 见 https://evil.example/x 试用期不得超过一个月 [1]\n"
    )
    async with stub_model(saying(said)) as stub:
        model = OpenAIModel(ModelConfig("stub", stub.base_url, "k", 512, 5.0, 30.0))
        context = replace(world.context, model=model)
        await draw_outlines(context, knowledge_base_id=world.base["id"])
        await draw_outlines(context, knowledge_base_id=world.base["id"])
        assert len(stub.requests) == 2, "once for each revision"
        await model.close()
    rows = await run(
        world.context.database,
        "SELECT parts, text FROM revision_outline JOIN revision ON revision.id = revision_id"
        " WHERE writer = 'stub' AND document_id = :id",
        id=world.paid["id"],
    )
    ((parts, text),) = rows
    assert [part["title"] for part in parts[1:]] == [
        "试用期",
        "三年以上固定期限的劳动合同，试用期不得超过六个月",
    ]
    for part in parts:
        span = text[part["start"] : part["end"]]
        assert hashlib.sha256(span.encode()).hexdigest() == part["sha256"]
        assert part["kind"] == "document" or "试用期" in span
    free = await run(world.context.database, "SELECT parts FROM revision_outline WHERE writer = 'stub'")
    assert sorted(len(row[0]) for row in free) == [0, 3], "what nothing supports leaves the extract standing"


async def test_a_document_of_another_base_is_not_found(world: World) -> None:
    other = await world.library.creator("other")
    base = await other.knowledge_base("别的")
    path = f"/knowledge-bases/{base['id']}/documents/{world.free['id']}/outline"
    assert (await other.send("GET", path)).status_code == 404
