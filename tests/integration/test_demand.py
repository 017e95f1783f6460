"""What a creator is shown of the questions that were refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.platform.database import Database
from tests.integration.questions import World, open_world


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, database_url, tmp_path) as made:
        yield made


async def test_refused_questions_are_shown_once_enough_readers_share_them(world: World) -> None:
    path = f"/knowledge-bases/{world.base['id']}/demand"
    for name, question in (("甲", "怎样申请火星移民签证"), ("乙", "怎样申请火星移民签证，急，我是慕容复")):
        reader = await world.reader(subscribed=True)
        assert (await world.answer(reader, question))["refused"], name
    assert (await world.answer(world.creator.person, "怎样申请火星移民签证"))["refused"]
    early = await world.creator.get(path)
    assert (early["data"], early["questions"], early["refusals"]) == ([], 3, 3)
    third = await world.reader(subscribed=True)
    assert (await world.answer(third, "火星移民签证怎样申请？"))["refused"]
    shown = await world.creator.get(path)
    (one,) = shown["data"]
    assert (one["readers"], one["questions"], shown["unshown"]) == (3, 3, 1)
    assert "火星移民签证" in one["wording"]
    assert "慕容" not in str(shown)
    assert third.id not in str(shown)
    analytics = await world.creator.get("/analytics")
    assert (analytics["questions"], analytics["refusals"]) == (shown["questions"], shown["refusals"])


async def test_demand_is_the_owners_to_see(world: World) -> None:
    other = await world.library.creator("other")
    path = f"/knowledge-bases/{world.base['id']}/demand"
    assert (await other.send("GET", path)).status_code == 404
