"""R1, R2, R3 on the text sets beside the project, with peers in the same run.

Run as ``python -m tests.bench.retrieval [--quick] [--every N]``, N to ask only each Nth question. R1: recall
at 1 and MRR at 10, each question finding its own paragraph among all of its set. R2: the gold answer word for
word in the at most three sentences of the extract that a reader gets. R3: the share of a set's own questions
that are answered, and of another set's that are refused, by the same path."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from tests.bench.postgres import postgres
from tests.bench.reporting import about, tell
from tests.bench.retrieval_peers import Ask, bm25, full_text, raw_tantivy
from tests.bench.retrieval_sets import (
    ASKED_OF_THE_LAWS,
    DATA,
    HALVES,
    OFF_TOPIC,
    SETS,
    Asked,
    Bench,
    law_questions,
    questions_of,
)


async def timed(
    ask: Callable[[str, str], Awaitable[object]], name: str, asked: Sequence[Asked]
) -> dict[str, float]:
    """Milliseconds a question takes one caller."""
    taken = []
    for one in asked:
        started = time.perf_counter()
        await ask(name, one.question)
        taken.append((time.perf_counter() - started) * 1000)
    hundredths = statistics.quantiles(taken, n=100)
    return {"p50_ms": hundredths[49], "p99_ms": hundredths[98]}


async def peers(bench: Bench, name: str, url: str) -> dict[str, dict[str, float]]:
    """R1 of everything else that one would find with, over the same texts and questions."""
    documents, _ = questions_of(name)
    texts = ["".join(passage.text for passage in document.passages) for document in documents]
    places = {document.document_id: place for place, document in enumerate(documents)}
    asked = bench.asked[name]
    with full_text(url, texts, english=name.endswith("en")) as ranked:
        others: dict[str, Ask] = {
            "jieba + bm25s": bm25(texts),
            "PostgreSQL ts_rank": ranked,
            "tantivy, default": raw_tantivy(texts, grams=False),
            "tantivy, 1-2 characters": raw_tantivy(texts, grams=True),
        }
        figures = {}
        for peer, ask in others.items():
            ranks = [_rank(ask(one.question), places[one.document_id]) for one in asked]

            async def again(_: str, question: str, ask: Ask = ask) -> object:
                return ask(question)

            figures[peer] = {
                "recall_at_1": sum(rank == 1 for rank in ranks) / len(ranks),
                "mrr_at_10": sum(1 / rank for rank in ranks if rank) / len(ranks),
                **await timed(again, name, asked),
            }
    return figures


def _rank(order: Sequence[int], own: int) -> int:
    return order.index(own) + 1 if own in order else 0


async def measure(every: int, titles: Collection[str], url: str) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="zhihao-bench-") as folder:
        bench = Bench(Path(folder), every)
        figures["laws_seconds"] = await bench.index(tuple(SETS), titles=titles)
        for name in SETS:
            asked = bench.asked[name]
            own = [one.question for one in asked]
            figures[name] = {
                "zhihao": {
                    **await bench.retrieval(name),
                    **await timed(bench.hits, name, asked),
                },
                **await peers(bench, name, url),
                "R2": await bench.extracts(name),
                "R3 answered": await bench.answered(name, own),
                "R3 refused by the laws": 1 - await bench.answered("laws", own),
                "R3 refused by the other half": await bench.refused_by_the_other_half(name),
                "R3 refused by others": {
                    other: 1 - await bench.answered(other, own) for other in SETS if other != name
                },
                "answer": await timed(bench.answer, name, asked),
            }
        figures["laws"] = {
            "R3 answered": await bench.answered("laws", ASKED_OF_THE_LAWS),
            "R3 refused by cmrc": 1 - await bench.answered("cmrc", ASKED_OF_THE_LAWS),
            "off topic, refused": 1 - await bench.answered("laws", OFF_TOPIC),
            "off topic, refused by cmrc": 1 - await bench.answered("cmrc", OFF_TOPIC),
            "the four": await bench.law_ranks(),
            **{
                half: await bench.law_articles([asked for asked in law_questions() if asked.half == half])
                for half in HALVES
            },
        }
        figures["mistyped"] = await bench.mistyped("xquad_en")
        await bench.engine.close()
    return figures


GOALS = {"cmrc": (0.975, 0.985), "xquad_en": (0.95, 0.0), "xquad_zh": (0.95, 0.0)}
"""R1: recall at 1, MRR at 10."""
R2_LEAST, ANSWERED_LEAST, REFUSED_LEAST = 0.80, 0.95, 0.90


def found_rows(figures: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "set": name,
            "by": peer,
            "recall at 1": f"{of['recall_at_1']:.3f}" + (f" (goal {GOALS[name][0]})" * (peer == "zhihao")),
            "MRR at 10": f"{of['mrr_at_10']:.3f}",
            "p50 ms": f"{of['p50_ms']:.1f}",
            "p99 ms": f"{of['p99_ms']:.1f}",
        }
        for name in SETS
        for peer, of in figures[name].items()
        if isinstance(of, dict) and "recall_at_1" in of
    ]


def answered_rows(figures: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "set": name,
            f"R2 (goal {R2_LEAST})": f"{of['R2']:.3f}",
            f"R3 answered ({ANSWERED_LEAST})": f"{of['R3 answered']:.3f}",
            f"R3 refused by the laws ({REFUSED_LEAST})": f"{of['R3 refused by the laws']:.3f}",
            "by the other half": f"{of['R3 refused by the other half']:.3f}",
            **{f"by {other}": _told(of["R3 refused by others"].get(other)) for other in SETS},
            "p50 ms": f"{of['answer']['p50_ms']:.1f}",
            "p99 ms": f"{of['answer']['p99_ms']:.1f}",
        }
        for name, of in figures.items()
        if name in SETS
    ]


def _told(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"


def law_rows(figures: dict[str, Any]) -> list[dict[str, str]]:
    laws = figures["laws"]
    shares = ("R3 answered", "R3 refused by cmrc", "off topic, refused", "off topic, refused by cmrc")
    told = {name: f"{laws[name]:.3f}" for name in shares}
    told |= {f"{half}, {part}": f"{laws[half][part]:.3f}" for half in HALVES for part in ("first", "cited")}
    told |= {f"XQuAD en mistyped, {part}": f"{share:.3f}" for part, share in figures["mistyped"].items()}
    told["the four"] = f"{sum(laws['the four'].values())} of {len(laws['the four'])}"
    return [{"law questions": name, "share": value} for name, value in told.items()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retrieval", description="R1, R2, R3.")
    parser.add_argument("--quick", action="store_true", help="each 32nd question, and few laws")
    parser.add_argument("--every", type=int, default=None, help="only each Nth question (4)")
    args = parser.parse_args()
    if not (DATA / "laws.tar.xz").is_file():
        print("The text sets are not beside the project: nothing is measured.")
        return
    every = args.every or (32 if args.quick else 4)
    titles = {asked.title for asked in law_questions()} if args.quick else ()
    with postgres() as server, server.fresh() as url:
        figures = asyncio.run(measure(every, titles, url))
    result = {**about(("tantivy", "bm25s", "jieba", "psycopg")), "every": every, "figures": figures}
    tell("retrieval", f"R1: its own paragraph, each {every}th question", found_rows(figures), result)
    tell("retrieval", "R2, R3: extracts as a reader gets them", answered_rows(figures), result)
    tell("retrieval", "Asked of the laws" + " (few of them)" * args.quick, law_rows(figures), result)


if __name__ == "__main__":
    main()
