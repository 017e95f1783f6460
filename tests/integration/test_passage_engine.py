"""The embedded passage engine: isolation above all."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest

from search.engine.embedded import EmbeddedPassageEngine
from search.engine.port import EngineUnavailable, IndexDocument, PassageHit
from search.passages.cutting import Block, cut
from search.passages.scope import AccessScope, IndexView, Tier

ONE, TWO = UUID(int=1), UUID(int=2)
WORDS = [
    "劳动",
    "合同",
    "试用期",
    "不得",
    "超过",
    "六个月",
    "解除",
    "赔偿",
    "python",
    "running",
    "tax",
    "離婚",
]


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[EmbeddedPassageEngine]:
    engine = EmbeddedPassageEngine(tmp_path / "passages", open_indexes=3)
    yield engine
    await engine.close()


def document(
    number: int, text: str, *, base: UUID = ONE, paid: bool = True, revision: int = 1, title: str = ""
) -> IndexDocument:
    passages = cut(text, [Block(0, len(text), "paragraph", {"heading_path": []})]) if text else []
    return IndexDocument(
        UUID(int=number), UUID(int=number * 1000 + revision), base, title or f"文件{number}",
        "paid" if paid else "free", "zh", passages,
    )  # fmt: skip


def scope(
    *bases: UUID, tier: Tier = "all", generation: int = 0, excluded: set[UUID] | None = None
) -> AccessScope:
    return AccessScope(tuple(IndexView(b, tier, generation, frozenset(excluded or ())) for b in bases))


def seen(hits: list[PassageHit]) -> list[tuple[object, ...]]:
    return [(h.document_id, h.revision_id, h.start, h.end, h.score, h.matched, h.weights) for h in hits]


async def test_a_passage_is_found_with_its_exact_span(engine: EmbeddedPassageEngine) -> None:
    text = "第十九条 三年以上的勞動合同，試用期不得超過六個月。"
    await engine.add(ONE, [document(1, text), document(2, "烟草制品应当标明焦油含量。")])
    (hit,) = await engine.search(scope(ONE), "劳动合同试用期多久", limit=5)
    assert (hit.text, hit.document_id) == (text[hit.start : hit.end], UUID(int=1))
    assert hit.matched == 1.0


async def test_a_free_asker_opens_only_free_text(engine: EmbeddedPassageEngine) -> None:
    await engine.add(ONE, [document(1, "试用期的秘密"), document(2, "试用期的公开说明", paid=False)])
    assert {h.document_id for h in await engine.search(scope(ONE, tier="free"), "试用期", limit=9)} == {
        UUID(int=2)
    }
    assert len(await engine.search(scope(ONE), "试用期", limit=9)) == 2


async def test_nothing_indexed_asked_or_worded_is_no_hit(engine: EmbeddedPassageEngine) -> None:
    assert await engine.search(scope(ONE), "试用期", limit=5) == []
    assert await engine.search(AccessScope(()), "试用期", limit=5) == []
    await engine.add(ONE, [document(1, "试用期")])
    for query in ("", "？！…", "\x00", "\ud800", '") OR *:*'):
        assert await engine.search(scope(ONE), query, limit=5) == []


async def test_replacing_and_dropping_leave_nothing_behind(engine: EmbeddedPassageEngine) -> None:
    first = await engine.add(ONE, [document(1, "试用期旧文")])
    second = await engine.add(ONE, [document(1, "解除合同新文", revision=2)])
    assert second > first
    assert await engine.search(scope(ONE), "试用期", limit=5) == []
    assert (await engine.search(scope(ONE), "解除", limit=5))[0].revision_id == UUID(int=1002)
    await engine.drop(ONE)
    await engine.drop(ONE)
    assert await engine.search(scope(ONE), "解除", limit=5) == []
    with pytest.raises(EngineUnavailable):
        await engine.search(scope(ONE, generation=second), "解除", limit=5)
    assert await engine.rebuild(ONE, [document(3, "解除合同")]) > second


async def test_a_rebuild_is_seen_whole_and_takes_what_streams_in(engine: EmbeddedPassageEngine) -> None:
    async def stream() -> AsyncIterator[IndexDocument]:
        for number in range(3):
            yield document(number + 10, f"赔偿 {number}")

    await engine.add(ONE, [document(1, "赔偿旧文")])
    generation = await engine.rebuild(ONE, stream())
    hits = await engine.search(scope(ONE, generation=generation), "赔偿", limit=9)
    assert {h.document_id.int for h in hits} == {10, 11, 12}


async def test_a_failed_rebuild_leaves_the_live_index_and_no_litter(
    engine: EmbeddedPassageEngine, tmp_path: Path
) -> None:
    async def broken() -> AsyncIterator[IndexDocument]:
        yield document(2, "新文")
        raise RuntimeError("the source failed")

    await engine.add(ONE, [document(1, "赔偿旧文")])
    with pytest.raises(RuntimeError):
        await engine.rebuild(ONE, broken())
    assert len(await engine.search(scope(ONE), "赔偿", limit=9)) == 1
    assert len(list((tmp_path / "passages" / str(ONE)).glob("build-*"))) == 1


@pytest.mark.parametrize("seed", range(6))
async def test_results_equal_those_of_a_world_where_the_rest_was_never_added(
    tmp_path: Path, seed: int
) -> None:
    """Documents come, change, move between tiers, are removed; other bases exist. None of it shows."""
    chance = random.Random(seed)

    def text() -> str:
        return "。".join(
            "".join(chance.choices(WORDS, k=chance.randint(2, 9))) for _ in range(chance.randint(1, 40))
        )

    lived = EmbeddedPassageEngine(tmp_path / "lived", open_indexes=2)
    clean = EmbeddedPassageEngine(tmp_path / "clean")
    live: dict[UUID, dict[int, IndexDocument]] = {ONE: {}, TWO: {}}
    for step in range(14):
        base = chance.choice([ONE, TWO])
        numbers = {chance.randint(1, 12) + (100 if base == TWO else 0) for _ in range(4)}
        made = [
            document(n, text(), base=base, paid=chance.random() < 0.6, revision=step) for n in sorted(numbers)
        ]
        live[base] |= {d.document_id.int: d for d in made}
        await lived.add(base, made)
    gone = {UUID(int=n) for n in chance.sample(sorted(live[ONE]), 2)}
    for base in (ONE, TWO):
        kept = [d for d in live[base].values() if d.document_id not in gone]
        chance.shuffle(kept)
        await clean.rebuild(base, kept)
    await clean.rebuild(UUID(int=3), [replace(document(900, text()), knowledge_base_id=UUID(int=3))])
    tiers: tuple[Tier, Tier] = ("free", "all")
    queries = ("试用期不得超过多久", "解除劳动合同赔偿", "python tax", "离婚", "running 六个月")
    for tier, query, bases in product(tiers, queries, ((ONE,), (TWO,), (ONE, TWO))):
        here = await lived.search(scope(*bases, tier=tier, excluded=gone), query, limit=8)
        there = await clean.search(scope(*bases, tier=tier), query, limit=8)
        assert seen(here) == seen(there)
    await lived.close()
    await clean.close()


async def test_ties_do_not_depend_on_how_the_index_came_about(tmp_path: Path) -> None:
    made = [document(number, "试用期", title="同名") for number in range(1, 200)]
    at_once, slowly = EmbeddedPassageEngine(tmp_path / "a"), EmbeddedPassageEngine(tmp_path / "b")
    await at_once.rebuild(ONE, made)
    for start in range(180, -1, -20):
        await slowly.add(ONE, made[start : start + 20])
    orders = [seen(await e.search(scope(ONE), "试用期", limit=20)) for e in (at_once, slowly)]
    assert orders[0] == orders[1]
    await at_once.close()
    await slowly.close()


READER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from search.engine.embedded import EmbeddedPassageEngine
from search.passages.scope import AccessScope, IndexView

async def main() -> None:
    engine = EmbeddedPassageEngine(Path(sys.argv[1]), open_indexes=2)
    for line in sys.stdin:
        view = IndexView(UUID(int=1), "all", int(line), frozenset())
        hits = await engine.search(AccessScope((view,)), "试用期", limit=50)
        print(len(hits), flush=True)

asyncio.run(main())
"""


async def test_a_reader_in_another_process_sees_each_generation_at_once(
    engine: EmbeddedPassageEngine, tmp_path: Path
) -> None:
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, str(tmp_path / "passages"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert reader.stdin is not None
    assert reader.stdout is not None
    try:
        for count in range(1, 6):
            documents = [document(n, f"试用期 {n}") for n in range(count)]
            write = engine.rebuild(ONE, documents) if count % 2 else engine.add(ONE, documents[-1:])
            reader.stdin.write(f"{await write}\n".encode())
            assert int(await asyncio.wait_for(reader.stdout.readline(), 30)) == count
    finally:
        reader.stdin.close()
        await reader.wait()
