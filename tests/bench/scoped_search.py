"""B4: a search of passages by a buyer of 1 or 50 of 200 knowledge bases, against raw tantivy.

Run as ``python -m tests.bench.scoped_search [--quick] [--rounds N]``. 100,000 made-up passages lie in 200
knowledge bases; the peer is one tantivy index of all of them, with the same tokens, tantivy's own BM25, no
scope, no check and no order but its own. In turns within each round: the peer; a buyer of one base; a buyer
of fifty, another one each round, so that indexes are opened and let go; and the square's cards, for all to
see. Figures are milliseconds of CPU a query, everything counted: the question's analysis, candidates, order.

Goal: one base at most 1.3 times the peer, fifty at most 5 times, and never a passage of a base not bought.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import tantivy

from search.engine.embedded import EmbeddedCardEngine, EmbeddedPassageEngine
from search.engine.port import Card, CardQuery, IndexDocument
from search.passages.cutting import Passage
from search.passages.hits import PassageHit
from search.passages.scope import AccessScope, IndexView
from search.text import fold, tokenise
from tests.bench.reporting import about, median_ratio, tell

BASES, EACH, PER_DOCUMENT = 200, 500, 25
BOUGHT = 50
ONE_MOST, FIFTY_MOST = 1.3, 5.0
TOP = 10


class Language:
    """Words of one to three characters, as uneven in use as those of a real language."""

    def __init__(self, chance: random.Random, words: int = 20_000) -> None:
        characters = [chr(0x4E00 + n) for n in chance.sample(range(6_000), 3_000)]
        self._chance = chance
        # A character is as uneven in use as a word.
        common = chance.choices(characters, [1 / (n + 10) for n in range(len(characters))], k=words * 3)
        self._words = ["".join(common[3 * n : 3 * n + chance.choice((1, 2, 2, 2, 3))]) for n in range(words)]
        self._sums = list(_sums(1 / (n + 3) for n in range(words)))

    def sentence(self, words: int) -> str:
        return "".join(self._chance.choices(self._words, cum_weights=self._sums, k=words)) + "。"

    def passage(self) -> str:
        return "".join(self.sentence(self._chance.randint(8, 20)) for _ in range(self._chance.randint(4, 8)))

    def question(self, passage: str) -> str:
        """Two stretches of a passage, as somebody asks who half remembers it."""
        at = [self._chance.randrange(max(1, len(passage) - 8)) for _ in range(2)]
        return "".join(passage[start : start + 8] for start in at).replace("。", "") + "是什么"


def _sums(weights: Iterator[float]) -> Iterator[float]:
    total = 0.0
    for weight in weights:
        total += weight
        yield total


@dataclass(frozen=True)
class World:
    """Where everything lies: the engine with its bases, the peer's index, and passages to ask after."""

    engine: EmbeddedPassageEngine
    cards: EmbeddedCardEngine
    peer: Any
    schema: Any
    bases: Sequence[UUID]
    texts: dict[UUID, list[str]]
    language: Language

    def ask_peer(self, question: str) -> list[str]:
        """What one writes with tantivy alone: any of the tokens, the ten best, their texts."""
        grams, words = tokenise(fold(question), "zh")
        parts = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self.schema, "body", token))
            for token in dict.fromkeys(grams + words)
        ]
        searcher = self.peer.searcher()
        hits = searcher.search(tantivy.Query.boolean_query(parts), TOP).hits
        return [searcher.doc(address).get_first("text") for _, address in hits]

    async def ask(self, question: str, bought: Sequence[UUID]) -> list[PassageHit]:
        scope = AccessScope(tuple(IndexView(base, "all") for base in bought))
        hits = await self.engine.search(scope, question, limit=TOP)
        foreign = {hit.knowledge_base_id for hit in hits} - set(bought)
        assert not foreign, f"passages of bases not bought: {foreign}"
        assert hits
        return hits


async def build(folder: Path, bases: int, each: int) -> World:
    """The same passages in both. A text says whose it is, so that a foreign one is known by itself."""
    chance = random.Random(4)
    language = Language(chance)
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", tokenizer_name="whitespace")
    builder.add_text_field("text", stored=True, tokenizer_name="raw", index_option="basic")
    schema = builder.build()
    (folder / "peer").mkdir()
    peer = tantivy.Index(schema, str(folder / "peer"))
    writer = peer.writer(200_000_000, 1)
    engine = EmbeddedPassageEngine(folder / "passages")
    cards = EmbeddedCardEngine(folder / "cards")
    ids = [UUID(int=n + 1) for n in range(bases)]
    texts: dict[UUID, list[str]] = {}
    for base in ids:
        texts[base] = [language.passage() for _ in range(each)]
        for text in texts[base]:
            grams, words = tokenise(fold(text), "zh")
            made = tantivy.Document()
            made.add_text("body", " ".join(grams + words))
            made.add_text("text", text)
            writer.add_document(made)
        await engine.rebuild(base, _documents(base, texts[base], language))
    writer.commit()
    writer.wait_merging_threads()
    peer.reload()
    await cards.rebuild(
        Card(
            id=base,
            slug=f"base-{base.int}",
            title=language.sentence(4),
            summary=language.sentence(20),
            creator_name="x",
            creator_handle="x",
            category="c",
            tags=(),
            language="zh",
            free=False,
            popularity=base.int % 7,
            published_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for base in ids
    )
    return World(engine, cards, peer, schema, ids, texts, language)


def _documents(base: UUID, texts: Sequence[str], language: Language) -> Iterator[IndexDocument]:
    for first in range(0, len(texts), PER_DOCUMENT):
        passages, at = [], 0
        for text in texts[first : first + PER_DOCUMENT]:
            passages.append(Passage(at, at + len(text), {}, text))
            at += len(text)
        id = UUID(int=base.int * 1000 + first)
        yield IndexDocument(id, id, base, language.sentence(3), "paid", "zh", passages)


async def cpu_of(questions: Sequence[str], ask: Callable[[str], Awaitable[object]]) -> float:
    """Milliseconds of CPU a question."""
    before = time.process_time()
    for question in questions:
        await ask(question)
    return (time.process_time() - before) / len(questions) * 1000


async def one_round(world: World, chance: random.Random, asked: int) -> dict[str, float]:
    bought = chance.sample(world.bases, min(BOUGHT, len(world.bases) // 2))
    questions = [
        world.language.question(chance.choice(world.texts[chance.choice(bought)])) for _ in range(asked)
    ]
    one = bought[0]
    of_one = [world.language.question(chance.choice(world.texts[one])) for _ in range(asked)]

    async def peer(question: str) -> object:
        return world.ask_peer(question)

    async def square(question: str) -> object:
        return await world.cards.search(CardQuery(q=question[:8]))

    return {
        "peer, for one": await cpu_of(of_one, peer),
        "one": await cpu_of(of_one, lambda question: world.ask(question, [one])),
        "peer, for fifty": await cpu_of(questions, peer),
        "fifty": await cpu_of(questions, lambda question: world.ask(question, bought)),
        "square": await cpu_of(questions, square),
    }


async def run(args: argparse.Namespace) -> list[dict[str, float]]:
    bases, each = (40, 100) if args.quick else (BASES, EACH)
    chance = random.Random(44)
    with tempfile.TemporaryDirectory(prefix="zhihao-bench-") as folder:
        world = await build(Path(folder), bases, each)
        rounds = [await one_round(world, chance, args.questions) for _ in range(args.rounds + 1)]
        await world.engine.close()
        await world.cards.close()
    return rounds[1:]  # the first warms up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--questions", type=int, default=30)
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.questions = 3, 10
    rounds = asyncio.run(run(args))
    seen = {name: [one[name] for one in rounds] for name in rounds[0]}
    ratios = {
        "one": median_ratio(seen["one"], seen["peer, for one"]),
        "fifty": median_ratio(seen["fifty"], seen["peer, for fifty"]),
        "square": median_ratio(seen["square"], seen["peer, for fifty"]),
    }
    goals = {"one": f"goal {ONE_MOST}", "fifty": f"goal {FIFTY_MOST}", "square": "beside"}
    names = {"one": "a buyer of one base", "fifty": "a buyer of fifty", "square": "the square's cards"}
    rows = [
        {
            "": "raw tantivy, one index of all",
            "CPU ms": f"{statistics.median(seen['peer, for one'] + seen['peer, for fifty']):.2f}",
            "ratio": "1",
        },
        *(
            {
                "": names[name],
                "CPU ms": f"{statistics.median(seen[name]):.2f}",
                "ratio": f"{ratio:.2f} ({goals[name]})",
            }
            for name, ratio in ratios.items()
        ),
    ]
    result = {
        **about(["tantivy"]),
        "passages": (40 * 100) if args.quick else BASES * EACH,
        "rounds": rounds,
        "ratios": ratios,
        "goals": {"one": ONE_MOST, "fifty": FIFTY_MOST},
        "foreign_hits": 0,  # one would have stopped the run
    }
    tell("scoped_search", "B4: a search within what was bought", rows, result)


if __name__ == "__main__":
    main()
