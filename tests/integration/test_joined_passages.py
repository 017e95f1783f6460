"""Neighbouring passages are handed out as one, word for word; and not all of them are of one document."""

import hashlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.platform.database import Database
from tests.integration.questions import World, open_world

LONG = "# 仓库手册\n\n" + "\n\n".join(
    f"第{n}号仓库的温度记录由保管员每日早晚两次填写，填写时注明湿度和通风情况，异常时立即报告值班主任，"
    f"由值班主任安排第{n}号仓库的设备检修并在次日复核温度记录。"
    for n in range(1, 26)
)
SHORT = "# 值班表\n\n{}组的值班主任负责核对仓库的温度记录。\n"
QUERY = "值班主任怎样核对仓库的温度记录"


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, database_url, tmp_path) as world:
        await world.creator.upload(world.base, "仓库手册.md", LONG, tier="paid")
        for group in "甲乙丙":
            await world.creator.upload(world.base, f"{group}组.md", SHORT.format(group), tier="paid")
        yield world


async def test_neighbours_are_one_passage_word_for_word_and_others_have_their_turn(world: World) -> None:
    headers, _ = await world.key(cap=100)
    body = {"query": QUERY, "knowledge_base_ids": [world.base["id"]], "top_k": 5}
    answered = await world.client.post("/api/v1/passages", json=body, headers=headers)
    passages = answered.json()["passages"]
    for passage in passages:
        text = await world.text_of(passage["revision_id"])
        assert passage["text"] == text[passage["start"] : passage["end"]]
    long = sorted((p["start"], p["end"]) for p in passages if p["title"] == "仓库手册")
    assert any(end - start > 500 for start, end in long), "no passage is cut longer than that"
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(long))
    of = Counter(passage["document_id"] for passage in passages)
    assert len(of) >= 3 and max(of.values()) <= 3
    assert [p["score"] for p in passages] == sorted((p["score"] for p in passages), reverse=True)


async def test_an_answer_from_a_joined_passage_cites_single_sentences_exactly(world: World) -> None:
    reader = await world.reader(subscribed=True)
    answer = await world.answer(reader, "第7号仓库的设备检修由谁安排")
    assert not answer["refused"]
    for citation in answer["citations"]:
        text = await world.text_of(citation["revision_id"])
        assert citation["quote"] == text[citation["start"] : citation["end"]]
        assert hashlib.sha256(citation["quote"].encode()).hexdigest() == citation["sha256"]
        assert "\n\n" not in citation["quote"]
    assert any("第7号仓库" in citation["quote"] for citation in answer["citations"])
