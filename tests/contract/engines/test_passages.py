"""What is found in passages, and what never shows, on every engine that holds them: isolation above all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from uuid import UUID

import pytest

from search.engine.config import EngineConfig
from search.engine.embedded import EmbeddedPassageEngine
from search.engine.opening import open_passages
from search.engine.port import EngineUnavailable, IndexDocument, PassageEngine
from search.passages.scope import AccessScope, Tier
from tests.contract.engines.conftest import PASSAGE_KINDS
from tests.contract.engines.worlds import ONE, TWO, document, scope, seen

pytestmark = pytest.mark.parametrize("config", PASSAGE_KINDS, indirect=True)
WORDS = "劳动 合同 试用期 不得 超过 六个月 解除 赔偿 python running tax 離婚".split()  # noqa: SIM905 # to be read
# Each in few texts, and each of them mistyped.
ALIKE = ("contract", "contrast", "contact", "contrary", "contrail", "contrite")
MISTYPED = "赔偿 contrazt contrasst contcat cotnrary contrayl contriteed"


async def test_a_passage_is_found_with_its_exact_span(passages: PassageEngine) -> None:
    text = "第十九条 三年以上的勞動合同，試用期不得超過六個月。"
    await passages.add(ONE, [document(1, text), document(2, "烟草制品应当标明焦油含量。")])
    (hit,) = await passages.search(scope(ONE), "劳动合同试用期多久", limit=5)
    assert (hit.text, hit.document_id) == (text[hit.start : hit.end], UUID(int=1))
    assert hit.matched == 1.0


async def test_a_word_mistyped_is_read_as_one_that_the_asker_may_see(passages: PassageEngine) -> None:
    """Of one more like it, which is elsewhere, withdrawn, replaced or paid for, nothing shows."""
    await passages.add(ONE, [document(1, "The parliament sat.", paid=False), document(2, "A parlimene.")])
    await passages.add(ONE, [document(6, "Parlimena.", paid=False), document(7, "It.", paid=False)])
    await passages.add(ONE, [document(6, "Other matters.", paid=False)])
    await passages.add(ONE, [document(3, "A parliaments' union."), document(4, "Parlimenq.", paid=False)])
    await passages.add(TWO, [document(5, "Parliment, as some write.")])
    asked = scope(ONE, tier="free", excluded={UUID(int=4)})
    (hit,) = await passages.search(asked, "Where is the Parlimen?", limit=5)
    assert (hit.document_id, hit.meant) == (UUID(int=1), (("parlimen", "parliament"),))
    (other,) = await passages.search(scope(ONE, tier="free"), "Where is the Parlimen?", limit=5)
    assert other.meant == (("parlimen", "parlimenq"),)
    (exact,) = await passages.search(asked, "Where is the parliament?", limit=5)
    assert hit.says < exact.says
    assert exact.meant == ()
    assert not await passages.search(asked, "Where is the pparlmentt?", limit=5)


async def test_a_language_that_only_withdrawn_text_was_in_is_not_spoken(passages: PassageEngine) -> None:
    english = "Mr Haus and Mr Gart have been friends since they were in the same school."
    german = "Die Häuser in dieser Straße haben alle einen Garten, und die Gärten sind sehr groß."
    for base in (ONE, TWO):
        await passages.add(base, [document(1, english, base=base), document(2, german, base=base)])
    asked = "Häuser 和 Gärten 有多大"
    assert len(await passages.search(scope(ONE), asked, limit=5)) == 2
    await passages.add(ONE, [document(2, "Nothing is said of them here.", revision=2)])
    assert await passages.search(scope(ONE), asked, limit=5) == []
    assert await passages.search(scope(TWO, excluded={UUID(int=2)}), asked, limit=5) == []


async def test_a_free_asker_opens_only_free_text(passages: PassageEngine) -> None:
    await passages.add(ONE, [document(1, "试用期的秘密"), document(2, "试用期的公开说明", paid=False)])
    assert {h.document_id for h in await passages.search(scope(ONE, tier="free"), "试用期", limit=9)} == {
        UUID(int=2)
    }
    assert len(await passages.search(scope(ONE), "试用期", limit=9)) == 2


async def test_nothing_indexed_asked_or_worded_is_no_hit(passages: PassageEngine) -> None:
    assert await passages.search(scope(ONE), "试用期", limit=5) == []
    assert await passages.search(AccessScope(()), "试用期", limit=5) == []
    await passages.add(ONE, [document(1, "试用期")])
    for query in ("", "？！…", "\x00", "\ud800", '") OR *:*'):
        assert await passages.search(scope(ONE), query, limit=5) == []


async def test_replacing_and_dropping_leave_nothing_behind(passages: PassageEngine) -> None:
    first = await passages.add(ONE, [document(1, "试用期旧文")])
    second = await passages.add(ONE, [document(1, "解除合同新文", revision=2)])
    assert second > first
    assert await passages.search(scope(ONE), "试用期", limit=5) == []
    assert (await passages.search(scope(ONE), "解除", limit=5))[0].revision_id == UUID(int=1002)
    await passages.drop(ONE)
    await passages.drop(ONE)
    assert await passages.search(scope(ONE), "解除", limit=5) == []
    with pytest.raises(EngineUnavailable):
        await passages.search(scope(ONE, generation=second), "解除", limit=5)
    assert await passages.rebuild(ONE, [document(3, "解除合同")]) > second


async def test_a_rebuild_is_seen_whole_and_takes_what_streams_in(passages: PassageEngine) -> None:
    async def stream() -> AsyncIterator[IndexDocument]:
        for number in range(3):
            yield document(number + 10, f"赔偿 {number}")

    await passages.add(ONE, [document(1, "赔偿旧文")])
    generation = await passages.rebuild(ONE, stream())
    hits = await passages.search(scope(ONE, generation=generation), "赔偿", limit=9)
    assert {h.document_id.int for h in hits} == {10, 11, 12}


async def test_a_failed_rebuild_leaves_the_live_index(passages: PassageEngine) -> None:
    async def broken() -> AsyncIterator[IndexDocument]:
        yield document(2, "新文")
        raise RuntimeError("the source failed")

    await passages.add(ONE, [document(1, "赔偿旧文")])
    with pytest.raises(RuntimeError):
        await passages.rebuild(ONE, broken())
    assert len(await passages.search(scope(ONE), "赔偿", limit=9)) == 1


@pytest.mark.parametrize("seed", range(2))
async def test_results_equal_those_of_a_world_where_the_rest_was_never_added(
    config: EngineConfig, tmp_path: Path, seed: int
) -> None:
    """Documents come, change, move between tiers, are removed; other bases exist. None of it shows. And the
    world it is compared with is an embedded one: engines find the same, with the same scores."""
    chance = random.Random(seed)

    def text() -> str:
        rare = f" {chance.choice(ALIKE)} " if chance.random() < 0.7 else ""
        return rare + "。".join(
            "".join(chance.choices(WORDS, k=chance.randint(2, 9))) for _ in range(chance.randint(1, 15))
        )

    lived = open_passages(replace(config, folder=tmp_path / "lived", open_indexes=2))
    clean = EmbeddedPassageEngine(tmp_path / "clean")
    live: dict[UUID, dict[int, IndexDocument]] = {ONE: {}, TWO: {}}
    for step in range(7):
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
    await lived.rebuild(UUID(int=3), [replace(document(900, text()), knowledge_base_id=UUID(int=3))])
    tiers: tuple[Tier, Tier] = ("free", "all")
    queries = ("试用期不得超过多久", "解除劳动合同赔偿", "python tax", "离婚", "running 六个月", MISTYPED)
    for tier, query, bases in product(tiers, queries, ((ONE,), (TWO,), (ONE, TWO))):
        here = await lived.search(scope(*bases, tier=tier, excluded=gone), query, limit=8)
        there = await clean.search(scope(*bases, tier=tier), query, limit=8)
        assert seen(here) == seen(there)
    for base in (ONE, TWO, UUID(int=3)):
        await lived.drop(base)
    await lived.close()
    await clean.close()


async def test_ties_do_not_depend_on_how_the_index_came_about(passages: PassageEngine) -> None:
    made = [document(number, "试用期", title="同名") for number in range(1, 120)]
    await passages.rebuild(ONE, made)
    for start in range(100, -1, -20):
        await passages.add(TWO, made[start : start + 20])
    orders = [seen(await passages.search(scope(base), "试用期", limit=20)) for base in (ONE, TWO)]
    assert orders[0] == orders[1]


async def test_a_long_question_is_answered(passages: PassageEngine) -> None:
    """Of more terms than a server takes clauses."""
    many = "".join(chr(0x4E00 + 7 * n) for n in range(600))
    await passages.add(ONE, [document(1, many), document(2, "试用期")])
    (hit,) = await passages.search(scope(ONE), many, limit=1)
    assert hit.document_id == UUID(int=1)


async def test_readers_see_one_build_or_the_other_while_it_is_swapped(passages: PassageEngine) -> None:
    """Never half of one, never nothing: rebuilds go on while others ask."""
    await passages.rebuild(ONE, [document(n, f"赔偿 {n}") for n in range(1, 6)])
    done = asyncio.Event()

    async def reading() -> list[int]:
        counts = []
        while not done.is_set():
            counts.append(len(await passages.search(scope(ONE), "赔偿", limit=20)))
        return counts

    readers = [asyncio.create_task(reading()) for _ in range(2)]
    for size in (8, 5, 8):
        await passages.rebuild(ONE, [document(n, f"赔偿 {n}") for n in range(1, size + 1)])
    done.set()
    for counts in await asyncio.gather(*readers):
        assert set(counts) <= {5, 8}
        assert counts
