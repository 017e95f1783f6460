"""What an asker gets is what they would get if the rest did not exist: random worlds, every path."""

import re
import zlib
from collections.abc import AsyncIterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from service.answering.openai_embedder import EmbedderConfig, OpenAIEmbedder
from service.answering.openai_model import ModelConfig, OpenAIModel
from service.platform.database import Database
from tests.scale import times
from tests.security.looking import HISTORY, look, told
from tests.security.market import empty, fill, kept_tables, open_market
from tests.security.plain import Seen
from tests.security.worlds import Reason, World, closed_to, closing, drawn, reduced
from tests.stubs.meaning_server import stub_meaning
from tests.stubs.openai_server import StubModel, stub_model

WORLDS = times(test=6, soak=400)
"""Each is looked at by one asker, in turn; of each three one has a model, and one an embedder."""
ASKERS = ("key", "creator1", "reader2", "key", "reader1", "nobody")
REASONS: tuple[Reason, ...] = ("draft", "private")
KEY_REASONS: tuple[Reason, ...] = ("no api access", "not allowed")
"""Why one base of each world is not there for its asker, in turn."""
LATE_ASKERS = ("reader1", "nobody")
"""Who looks while the worker has yet to run: to whom something is open, it would be late."""
_PASSAGE = re.compile(r'<passage-\w+ number="(\d+)"[^>]*>\n(.*?)\n</passage', re.DOTALL)


async def parrot(request: dict[str, Any]) -> AsyncIterator[str]:
    """A model that says the beginning of every passage it is shown."""
    for number, text in _PASSAGE.findall(request["messages"][-1]["content"]):
        yield f"{text.splitlines()[-1][:200]} [{number}]\n"


@pytest.mark.soak
async def test_an_asker_gets_what_they_would_if_the_rest_did_not_exist(
    database: Database, tmp_path: Path
) -> None:
    kept = await kept_tables(database)
    async with stub_model(parrot) as stub, stub_meaning() as meaning:
        writer = OpenAIModel(ModelConfig("stub", stub.base_url, "k", 4096, 5.0, 30.0))
        embedder = OpenAIEmbedder(EmbedderConfig("stub", meaning.base_url, "k"))
        turns = {True: cycle(ASKERS), False: cycle(LATE_ASKERS)}
        reasons = {True: cycle(KEY_REASONS), False: cycle(REASONS)}
        for seed in range(WORLDS):
            parts: list[dict[str, Any]] = [{"model": writer}, {}, {"embedder": embedder}]
            part = parts[(seed + seed // len(ASKERS)) % 3]
            world = drawn(zlib.crc32(f"world {seed}".encode()))
            asker = next(turns[world.settled])
            world = closing(world, asker, next(reasons[asker == "key"]))
            await _compare(database, kept, tmp_path / str(seed), world, asker, stub, part)
        await writer.close()
        await embedder.close()
        assert meaning.embedded


async def _compare(
    database: Database,
    kept: list[str],
    folder: Path,
    world: World,
    asker: str,
    stub: StubModel,
    part: dict[str, Any],
) -> None:
    async def everything(of: World, name: str) -> tuple[World, Seen, list[str]]:
        await empty(database, kept)
        # Fewer suggestions are tried, and none is late.
        chosen: dict[str, Any] = {"packaging_candidates": 2, "embedding_query_seconds": 60}
        async with open_market(database, folder / name, **part, **chosen) as market:
            made = await fill(market, of)
            stub.requests.clear()
            seen = await look(market, world, asker, reduced(made, asker))
            return made, seen, told(market, stub.requests)

    made, there, prompted = await everything(world, "there")
    _, alone, prompted_alone = await everything(reduced(made, asker), "alone")
    assert there.keys() == alone.keys()
    for path, said in alone.items():
        assert there[path] == said or HISTORY in path, f"{folder.name}, {asker}: {path}"
    assert prompted == prompted_alone
    asked = " ".join(world.questions)
    for canary in closed_to(world, asker):
        if canary not in asked:
            assert not [path for path, said in there.items() if canary in said], f"{folder.name}, {asker}"
            assert canary not in "".join(prompted)
