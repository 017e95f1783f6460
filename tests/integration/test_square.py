"""The square over HTTP: what counts on it, what is browsed without its search engine, who comes first."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from search.engine.port import CardPage, CardQuery, EngineUnavailable
from service.platform.database import Database
from service.platform.ids import new_id
from service.usecases.index_card import rebuild_cards
from service.usecases.refresh_popularity import refresh_popularity
from tests.integration.library import Library, open_library

Json = dict[str, Any]
QUERIES = ["", "?q=劳动", "?q=秘密", "?q=python", "?sort=new", "?category=法律", "?tag=PYTHON", "?price=free"]


@pytest.fixture
async def library(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(database, database_url, tmp_path) as library:
        yield library


async def shown(library: Library) -> list[Json]:
    answers = []
    for query in QUERIES:
        answer = await library.client.get(f"/v1/square{query}")
        assert answer.status_code == 200, answer.text
        answers.append(answer.json())
    return answers


async def hidden(creator: Any, chance: random.Random, number: int) -> None:
    """A knowledge base that nobody may find, in one of the ways there are to be hidden."""
    words: Json = {
        "title": "秘密 劳动 Python",
        "summary": "python",
        "category": "秘密",
        "tags": ["秘密", "python"],
    }
    way = chance.choice(["draft", "private", "unlisted", "unpublished", "deleted", "later private"])
    visibility = way if way in ("private", "unlisted") else "public"
    base = await creator.knowledge_base(
        **{**words, "title": f"{words['title']} {number}"}, visibility=visibility
    )
    if way == "draft":
        return
    await creator.publish(base)
    path = f"/knowledge-bases/{base['id']}"
    if way == "unpublished":
        await creator.post(f"{path}/unpublish", {})
    elif way == "deleted":
        await creator.delete(path)
    elif way == "later private":
        await creator.patch(path, {"visibility": "private"})


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_square_is_as_if_what_is_hidden_did_not_exist(library: Library, seed: int) -> None:
    """Cards, order, highlights, facets, totals, and the scores that the engine gives."""
    chance = random.Random(seed)
    creator = await library.creator("maker")
    for title, tag in (
        ("劳动法 Python", "python"),
        ("劳动合同", "law"),
        ("Python", "Python"),
        ("烹饪", "food"),
    ):
        await creator.publish(await creator.knowledge_base(title, tags=[tag]))
    before = await shown(library)

    async def score() -> list[CardPage]:
        return [await library.context.cards.search(CardQuery(q)) for q in ("python", "劳动", "秘密", None)]

    scored = await score()
    other = await library.creator("other")
    for number in range(6):
        await hidden(chance.choice([creator, other]), chance, number)
    await library.work()
    assert await shown(library) == before
    assert scored == [
        await library.context.cards.search(CardQuery(q)) for q in ("python", "劳动", "秘密", None)
    ]
    await rebuild_cards(library.context)
    assert await shown(library) == before
    assert "秘密" not in str(before)


async def test_the_square_is_browsed_without_its_engine(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same cards, counts and cursors; only words wait for the engine, with a 503."""
    creator = await library.creator("maker")
    for number in range(7):
        base = await creator.knowledge_base(f"书 {number}", tags=["Python" if number % 2 else "法律"])
        await creator.publish(base)
    await creator.knowledge_base("draft")
    browsing = [
        "",
        "?sort=new",
        "?sort=popular&limit=3",
        "?tag=python",
        "?category=法律&price=free",
        "?language=zh",
    ]
    before = [(await library.client.get(f"/v1/square{query}")).json() for query in browsing]
    cursor = before[2]["next_cursor"]
    following = (await library.client.get(f"/v1/square?sort=popular&limit=3&cursor={cursor}")).json()

    async def down(*_: object, **__: object) -> None:
        raise EngineUnavailable("down")

    monkeypatch.setattr(library.context.cards, "search", down)
    assert [(await library.client.get(f"/v1/square{query}")).json() for query in browsing] == before
    assert (await library.client.get(f"/v1/square?sort=popular&limit=3&cursor={cursor}")).json() == following
    answer = await library.client.get("/v1/square?q=书")
    assert (answer.status_code, answer.json()["code"]) == (503, "search_unavailable")
    assert (await library.client.get("/v1/square?cursor=nonsense")).status_code == 400


async def test_readers_are_counted_again_as_time_passes(library: Library, database: Database) -> None:
    """A card gains by readers of the last 30 days, and loses when those are over, by itself."""
    creator = await library.creator("maker")
    first = await creator.knowledge_base("劳动法 一")
    second = await creator.knowledge_base("劳动法 二")
    await creator.publish(first)
    await creator.publish(second)

    async def order(query: str) -> list[str]:
        await refresh_popularity(library.context)
        answer = (await library.client.get(f"/v1/square{query}")).json()
        return [card["id"] for card in answer["data"]]

    async def read(base: Json, started: str, ended: str) -> None:
        async with database.transaction() as session:
            await (await session.connection()).exec_driver_sql(
                "INSERT INTO access_grant (id, account_id, knowledge_base_id, source, source_id, reason,"
                f" starts_at, ends_at) VALUES ('{new_id()}', '{new_id()}', '{base['id']}', 'pass',"
                f" '{new_id()}', 'paid', zhihao_now() - interval '{started}',"
                f" zhihao_now() - interval '{ended}')"
            )

    await read(second, "10 days", "1 day")
    assert await order("?sort=popular") == [second["id"], first["id"]]
    for _ in range(3):
        await read(first, "40 days", "29 days")
    assert await order("?sort=popular") == [first["id"], second["id"]]
    assert await order("?q=劳动法") == [first["id"], second["id"]]
    async with database.transaction() as session:
        await (await session.connection()).exec_driver_sql(
            "UPDATE access_grant SET ends_at = ends_at - interval '2 days'"
        )
    assert await order("?sort=popular") == [second["id"], first["id"]]


async def test_what_the_list_lost_is_found_again(library: Library, database: Database) -> None:
    creator = await library.creator("maker")
    await creator.publish(await creator.knowledge_base("劳动法"))
    async with database.transaction() as session:
        await (await session.connection()).exec_driver_sql("DELETE FROM square_card")
    await refresh_popularity(library.context)
    async with database.reading() as connection:
        listed = await connection.exec_driver_sql("SELECT count(*) FROM square_card")
        assert listed.scalar_one() == 1
