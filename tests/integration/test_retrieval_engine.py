"""The figures of the search room, held on a sample of the text sets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bench.retrieval import ASKED_OF_THE_LAWS, DATA, SETS, Bench

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not (DATA / "laws.tar.xz").is_file(), reason="the text sets are not beside the project"
    ),
]


@pytest.fixture(scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    root: Path = tmp_path_factory.mktemp("retrieval")
    bench = Bench(root, every=32)
    await bench.index(tuple(SETS))
    yield bench
    await bench.engine.close()


async def test_the_four_law_questions_find_their_article_and_are_answered_from_it(bench: Bench) -> None:
    assert all((right := await bench.law_ranks()).values()), right


@pytest.mark.parametrize(
    "question",
    [
        "怎样烤面包",
        "面包怎么烤",
        "怎样烤麵包？",
        "How do I bake bread?",
        "今天天气怎么样",
        "How tall is Mount Everest?",
    ],
)
async def test_a_lawyers_library_refuses_what_is_not_law(bench: Bench, question: str) -> None:
    assert await bench.answered("laws", [question]) == 0


@pytest.mark.parametrize(("name", "first"), [("cmrc", 0.95), ("xquad_en", 0.90), ("xquad_zh", 0.90)])
async def test_questions_find_their_paragraph_and_their_answer(bench: Bench, name: str, first: float) -> None:
    assert (await bench.retrieval(name))["recall_at_1"] >= first
    assert await bench.extracts(name) >= 0.78


async def test_own_questions_are_answered_and_foreign_ones_refused(bench: Bench) -> None:
    own = [asked.question for asked in bench.asked["cmrc"]]
    assert await bench.answered("cmrc", own) >= 0.93
    assert await bench.answered("laws", own) <= 0.12
    assert await bench.answered("cmrc", ASKED_OF_THE_LAWS) <= 0.15
