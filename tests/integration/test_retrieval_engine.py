"""The figures of the search room, held on a sample of the text sets."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from search.passages.evidence import best_sentences, supported
from tests.bench.retrieval_sets import (
    ASKED_OF_THE_LAWS,
    DATA,
    OFF_TOPIC,
    SETS,
    Bench,
    law_questions,
)

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not (DATA / "laws.tar.xz").is_file(), reason="the text sets are not beside the project"
    ),
]


BESIDE = {
    "消费者权益保护法", "保障农民工工资支付条例", "未成年人保护法", "家庭教育促进法", "公司登记管理条例",
    "行政强制法", "城市房地产管理法", "老年人权益保障法", "疫苗管理法", "股票发行与交易管理暂行条例",
    "网络数据安全管理条例", "民用航空法",
}  # fmt: skip


@pytest.fixture(scope="module")
async def bench(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    root: Path = tmp_path_factory.mktemp("retrieval")
    bench = Bench(root, every=32)
    # The laws that answer, each in all its editions, and some that only sound like them.
    await bench.index(tuple(SETS), titles={asked.title for asked in law_questions()} | BESIDE)
    yield bench
    await bench.engine.close()


async def test_the_four_law_questions_find_their_article_and_are_answered_from_it(bench: Bench) -> None:
    assert all((right := await bench.law_ranks()).values()), right


async def test_questions_in_ordinary_words_find_their_article_and_are_answered_from_it(bench: Bench) -> None:
    figures = await bench.law_articles(law_questions())
    assert figures["first"] >= 0.72
    assert figures["cited"] >= 0.78


@pytest.mark.parametrize(
    ("question", "title", "article"),
    [
        ("民法典第一百八十八条", "总则", "第一百八十八条"),
        ("刑法第234条", "刑法", "第二百三十四条"),
        ("刑法第133条之一", "刑法", "第一百三十三条之一"),
        ("民法典第一千零三十二條", "人格权编", "第一千零三十二条"),
    ],
)
async def test_an_article_asked_for_by_its_number_is_found_and_quoted(
    bench: Bench, question: str, title: str, article: str
) -> None:
    hits = await bench.hits("laws", question)
    assert (hits[0].title, hits[0].locator["article"]) == (title, article)
    assert supported(question, hits)
    assert best_sentences(question, hits, limit=3)[0].start == hits[0].start


async def test_a_lawyers_library_refuses_what_is_not_law(bench: Bench) -> None:
    baking = ["怎样烤面包", "面包怎么烤", "怎样烤麵包？", "今天天气怎么样", "How do I bake bread?"]
    assert await bench.answered("laws", baking) == 0
    assert await bench.answered("laws", OFF_TOPIC) <= 0.1


@pytest.mark.parametrize(("name", "first"), [("cmrc", 0.95), ("xquad_en", 0.90), ("xquad_zh", 0.90)])
async def test_questions_find_their_paragraph_and_their_answer(bench: Bench, name: str, first: float) -> None:
    assert (await bench.retrieval(name))["recall_at_1"] >= first
    assert await bench.extracts(name) >= 0.78


async def test_own_questions_are_answered_and_foreign_ones_refused(bench: Bench) -> None:
    own = [asked.question for asked in bench.asked["cmrc"]]
    assert await bench.answered("cmrc", own) >= 0.93
    assert await bench.answered("laws", own) <= 0.12
    assert await bench.answered("cmrc", ASKED_OF_THE_LAWS) <= 0.15


@pytest.mark.parametrize("name", ["xquad_en", "xquad_zh"])
async def test_questions_are_refused_by_texts_of_the_same_kind_that_do_not_answer(
    bench: Bench, name: str
) -> None:
    assert await bench.refused_by_the_other_half(name) >= 0.8


async def test_questions_with_a_typing_error_find_their_paragraph(bench: Bench) -> None:
    assert (await bench.mistyped("xquad_en"))["first"] >= 0.88
