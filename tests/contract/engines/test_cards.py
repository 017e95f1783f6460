"""What the square finds, filters, counts, pages, ranks and marks, on every engine."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from search.engine.config import EngineConfig
from search.engine.opening import open_cards
from search.engine.port import CardEngine, CardPage, CardQuery, Sort
from tests.contract.engines.conftest import KINDS
from tests.contract.engines.worlds import DAY_ONE, card, found

pytestmark = pytest.mark.parametrize("config", KINDS, indirect=True)

SQUARE = [
    card(1, "Python 實戰課", "從標準庫學 Python <script>", popularity=5, tags=["编程", "Python"]),
    card(2, "法律图书馆", "一千部法律与案例", category="法律", tags=["法律"], free=True, popularity=9),
    card(3, "Learning Pythons", "Snakes running wild", category="Nature", tags=["animals"], language="en"),
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("python", [1, 3]),
        ("实战", [1]),
        ("實戰", [1]),
        ("法律圖書館", [2]),
        ("怎么学标准库", [1]),
        ("runs", [3]),
        ("pyth", [1, 3]),
        ("hand2", [2]),
        ("animals", [3]),
        ("烹饪", []),
        ("！？", []),
        ("law", [2]),
        ("programming", [1]),
    ],
)
async def test_the_square_finds(cards: CardEngine, query: str, expected: list[int]) -> None:
    await cards.put(SQUARE)
    assert found(await cards.search(CardQuery(query))) == expected


async def test_a_word_is_found_in_a_card_taken_for_another_language(cards: CardEngine) -> None:
    """Its stem is another there, the word itself is not. And a letter alone is no beginning of a word."""
    await cards.put(
        [card(1, "-minus sale", 'say "quoted phrase" here'), card(2, "C++"), card(3, "Cafe culture")]
    )
    assert found(await cards.search(CardQuery('"quoted phrase"'))) == [1]
    assert found(await cards.search(CardQuery("C++"))) == [2]


async def test_a_tagline_is_found_and_marked_as_itself(cards: CardEngine) -> None:
    await cards.put([*SQUARE, card(4, "阳台", "种花的书", tagline="一年四季都有花 Roses all year")])
    page = await cards.search(CardQuery("四季"))
    assert found(page) == [4]
    assert page.hits[0].highlights == {"tagline": "一年<em>四季</em>都有花 Roses all year"}
    assert found(await cards.search(CardQuery("rose"))) == [4]


async def test_typing_errors_are_forgiven_in_long_words_alone(cards: CardEngine) -> None:
    await cards.put([*SQUARE, card(4, "Elasticsearch"), card(5, "The law")])
    assert found(await cards.search(CardQuery("pyhton")))[0] == 1
    assert found(await cards.search(CardQuery("elastcisaerch"))) == [4]
    assert found(await cards.search(CardQuery("tho"))) == []


async def test_with_no_words_all_are_listed_and_sorted(cards: CardEngine) -> None:
    await cards.put(SQUARE)
    assert found(await cards.search(CardQuery())) == [2, 1, 3]
    assert found(await cards.search(CardQuery("", sort="new"))) == [3, 2, 1]
    assert found(await cards.search(CardQuery("python", sort="new"))) == [3, 1]


async def test_filters_narrow_and_facets_count_what_is_left(cards: CardEngine) -> None:
    await cards.put([*SQUARE, card(4, 'A "quoted" \\ title', tags=['"a" OR \\'])])
    page = await cards.search(CardQuery(category="nature"))
    assert (found(page), page.total) == ([3], 1)
    assert page.facets == {
        "category": {"Nature": 1},
        "tags": {"animals": 1},
        "language": {"en": 1},
        "price": {"paid": 1},
    }
    assert found(await cards.search(CardQuery(price="free"))) == [2]
    assert found(await cards.search(CardQuery(tag="python", language="zh"))) == [1]
    assert found(await cards.search(CardQuery(tag='"a" OR \\'))) == [4]
    assert (await cards.search(CardQuery())).facets["price"] == {"paid": 3, "free": 1}
    assert (await cards.search(CardQuery("法律"))).facets["price"] == {"free": 1}


async def test_highlights_are_escaped_and_mark_the_original_text(cards: CardEngine) -> None:
    await cards.put(SQUARE)
    (hit,) = (await cards.search(CardQuery("实战 标准库"))).hits
    assert hit.highlights["title"] == "Python <em>實戰</em>課"
    assert hit.highlights["summary"] == "從<em>標準庫</em>學 Python &lt;script&gt;"
    hit = (await cards.search(CardQuery("pyhton"))).hits[0]
    assert hit.highlights["tags"] == "编程 · <em>Python</em>"
    (hit,) = (await cards.search(CardQuery("law"))).hits
    assert hit.highlights["title"] == "<em>法律</em>图书馆"


@pytest.mark.parametrize(("one", "other"), [("机器学习入门", "machine learning"), ("AI for all", "人工智能")])
async def test_synonyms_work_in_both_directions(
    cards: CardEngine, config: EngineConfig, one: str, other: str
) -> None:
    await cards.put([card(1, one), card(2, f"{other} 手册"), card(3, "machine tools"), card(4, "人工费用")])
    assert set(found(await cards.search(CardQuery(other)))) == {1, 2}
    if config.where.kind != "meilisearch":  # to which a synonym is as good as the word
        assert found(await cards.search(CardQuery(other)))[0] == 2


async def test_a_perfect_title_comes_before_a_popular_card_that_fits_little(cards: CardEngine) -> None:
    await cards.put(
        [
            card(1, "摄影入门"),
            card(2, "旅行手记", "路上的摄影与入门的烹饪", popularity=100_000),
            card(3, "摄影入门", popularity=40),
        ]
    )
    now = DAY_ONE + timedelta(days=3)
    assert found(await cards.search(CardQuery("摄影", now=now))) == [3, 1, 2]


async def test_of_cards_that_fit_alike_the_fresh_one_comes_first(cards: CardEngine) -> None:
    await cards.put(
        [
            card(1, "咖啡", published_at=DAY_ONE),
            card(2, "咖啡", published_at=DAY_ONE + timedelta(days=200)),
            card(3, "茶", "也谈咖啡", published_at=DAY_ONE + timedelta(days=201)),
        ]
    )
    now = DAY_ONE + timedelta(days=202)
    assert found(await cards.search(CardQuery("咖啡", now=now))) == [2, 1, 3]


async def test_a_long_query_is_answered(cards: CardEngine) -> None:
    await cards.put(SQUARE)
    for query in ("法律图书馆" * 100, " ".join(f"word{n}" for n in range(300)), "python " * 80):
        assert (await cards.search(CardQuery(query))).total <= 3


@pytest.mark.parametrize("sort", ["relevance", "new", "popular"])
@pytest.mark.parametrize("query", ["python", None])
async def test_pages_hold_each_card_once_while_others_come_and_go(
    cards: CardEngine, sort: Sort, query: str | None
) -> None:
    await cards.put([*SQUARE, *(card(n, f"Python {n}", popularity=n % 3) for n in range(10, 40))])
    first = await cards.search(CardQuery(query, sort=sort))
    seen: list[int] = []
    position: list[Any] | None = None
    for number in range(1000, 1100):
        page = await cards.search(CardQuery(query, sort=sort, limit=7, position=position))
        assert page.facets["price"]["paid"] >= first.facets["price"]["paid"]
        seen += [n for n in found(page) if n < 1000]
        if (position := page.next_position) is None:
            break
        await cards.put([card(number, "Python 新課", popularity=number)])
    assert len(seen) == len(set(seen)) == first.total


async def test_a_position_of_another_search_is_refused(cards: CardEngine) -> None:
    await cards.put(SQUARE)
    position = (await cards.search(CardQuery("python", limit=1))).next_position
    for query in (
        CardQuery("python", sort="new", position=position),
        CardQuery("x y", position=[1, "2", None]),
        CardQuery(position=["popular", 0, 2**63, [], None]),
    ):
        with pytest.raises(ValueError, match="position"):
            await cards.search(query)


async def test_cards_are_replaced_removed_and_rebuilt_as_other_processes_see_at_once(
    cards: CardEngine, config: EngineConfig
) -> None:
    reader = open_cards(config)
    await cards.put(SQUARE)
    assert (await reader.search(CardQuery())).total == 3
    await cards.put([card(1, "Rust 实战")])
    assert found(await reader.search(CardQuery("python"))) == [3]
    await cards.remove([UUID(int=2), UUID(int=99)])
    await cards.remove([])
    assert (await reader.search(CardQuery())).total == 2
    assert await cards.rebuild([card(7, "Go")]) == []
    assert found(await reader.search(CardQuery())) == [7]
    await reader.close()


async def test_whoever_searches_while_the_first_card_is_put_finds_nothing_or_that(
    cards: CardEngine, config: EngineConfig
) -> None:
    """No error: an index is not searched before it can be."""
    reader, done = open_cards(config), asyncio.Event()

    async def reading() -> list[list[int]]:
        pages = []
        while not done.is_set():
            pages.append(found(await reader.search(CardQuery())))
        return pages

    task = asyncio.create_task(reading())
    await cards.put([card(1, "Go")])
    done.set()
    assert all(page in ([], [1]) for page in await task)
    assert found(await reader.search(CardQuery())) == [1]
    await reader.close()


async def test_a_rebuild_that_fails_leaves_the_square_as_it_was(cards: CardEngine) -> None:
    def broken() -> Any:
        yield card(7, "Go")
        raise RuntimeError("the source failed")

    await cards.put(SQUARE)
    with pytest.raises(RuntimeError):
        await cards.rebuild(broken())
    assert (await cards.search(CardQuery())).total == 3


async def test_what_is_taken_away_counts_in_nothing(cards: CardEngine) -> None:
    """The rest scores as if it had never been there: no facet, no total, no rarity remembers it."""
    await cards.put([card(n, "秘密 Python", tags=["秘密"]) for n in range(50, 90)])
    await cards.put(SQUARE)
    await cards.remove([UUID(int=n) for n in range(50, 90)])
    lived = [await cards.search(CardQuery(q)) for q in ("python", "秘密", None)]
    await cards.rebuild(SQUARE)
    assert lived == [await cards.search(CardQuery(q)) for q in ("python", "秘密", None)]


async def test_an_empty_square_is_no_error(cards: CardEngine) -> None:
    assert await cards.search(CardQuery("python")) == CardPage(
        [], {"category": {}, "tags": {}, "language": {}, "price": {}}, 0, None
    )
    await cards.remove([UUID(int=1)])
