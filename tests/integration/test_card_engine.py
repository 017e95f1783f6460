"""The embedded card engine: what the square finds, filters, counts, pages and marks."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from search.engine.embedded import EmbeddedCardEngine
from search.engine.port import Card, CardPage, CardQuery, Sort

DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)


def card(number: int, title: str, summary: str = "", **given: Any) -> Card:
    facts: dict[str, Any] = {
        "creator_handle": f"hand{number}", "creator_name": "王小明", "category": "技术", "tags": ["编程"],
        "language": "zh", "free": False, "popularity": 0, "published_at": DAY_ONE + timedelta(days=number),
    }  # fmt: skip
    return Card(id=UUID(int=number), slug=f"kb-{number}", title=title, summary=summary, **{**facts, **given})


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[EmbeddedCardEngine]:
    engine = EmbeddedCardEngine(tmp_path / "cards")
    await engine.put(
        [
            card(
                1, "Python 實戰課", "從標準庫學 Python 編程 <script>", popularity=5, tags=["编程", "Python"]
            ),
            card(
                2, "法律图书馆", "一千部法律与案例", category="法律", tags=["法律"], free=True, popularity=9
            ),
            card(
                3,
                "Learning Pythons",
                "Snakes running wild",
                category="Nature",
                tags=["animals"],
                language="en",
            ),
        ]
    )
    yield engine
    await engine.close()


def found(page: CardPage) -> list[int]:
    return [hit.id.int for hit in page.hits]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("python", [1, 3]),
        ("实战", [1]),
        ("實戰", [1]),
        ("法律圖書館", [2]),
        ("怎么学标准库", [1]),
        ("runs", [3]),
        ("pyhton", [1]),
        ("pyth", [1, 3]),
        ("hand2", [2]),
        ("animals", [3]),
        ("烹饪", []),
        ("！？", []),
    ],
)
async def test_the_square_finds(engine: EmbeddedCardEngine, query: str, expected: list[int]) -> None:
    assert found(await engine.search(CardQuery(query))) == expected


async def test_with_no_words_all_are_listed_and_sorted(engine: EmbeddedCardEngine) -> None:
    assert found(await engine.search(CardQuery())) == [2, 1, 3]
    assert found(await engine.search(CardQuery("", sort="new"))) == [3, 2, 1]
    assert found(await engine.search(CardQuery("python", sort="new"))) == [3, 1]


async def test_filters_narrow_and_facets_count_what_is_left(engine: EmbeddedCardEngine) -> None:
    page = await engine.search(CardQuery(category="nature"))
    assert (found(page), page.total) == ([3], 1)
    assert page.facets == {
        "category": {"Nature": 1},
        "tags": {"animals": 1},
        "language": {"en": 1},
        "price": {"paid": 1},
    }
    assert found(await engine.search(CardQuery(price="free"))) == [2]
    assert found(await engine.search(CardQuery(tag="python", language="zh"))) == [1]
    assert (await engine.search(CardQuery())).facets["price"] == {"paid": 2, "free": 1}


async def test_highlights_are_escaped_and_mark_the_original_text(engine: EmbeddedCardEngine) -> None:
    (hit,) = (await engine.search(CardQuery("实战 标准库"))).hits
    assert hit.highlights["title"] == "Python <em>實戰</em>課"
    assert hit.highlights["summary"] == "從<em>標準庫</em>學 Python 編程 &lt;script&gt;"
    (hit,) = (await engine.search(CardQuery("pyhton"))).hits
    assert hit.highlights["tags"] == "编程 · <em>Python</em>"


@pytest.mark.parametrize("sort", ["relevance", "new", "popular"])
@pytest.mark.parametrize("query", ["python", None])
async def test_pages_hold_each_card_once_while_others_come_and_go(
    engine: EmbeddedCardEngine, sort: Sort, query: str | None
) -> None:
    await engine.put([card(n, f"Python {n}", popularity=n % 3) for n in range(10, 70)])
    expected = (await engine.search(CardQuery(query, sort=sort))).total
    seen: list[int] = []
    position: list[Any] | None = None
    for number in range(1000, 1100):
        page = await engine.search(CardQuery(query, sort=sort, limit=7, position=position))
        seen += [n for n in found(page) if n < 1000]
        if (position := page.next_position) is None:
            break
        await engine.put([card(number, "Python 新課", popularity=number)])
    assert len(seen) == len(set(seen)) == expected


async def test_a_position_of_another_search_is_refused(engine: EmbeddedCardEngine) -> None:
    position = (await engine.search(CardQuery("python", limit=1))).next_position
    for query in (
        CardQuery("python", sort="new", position=position),
        CardQuery("x y", position=[1, "2", None]),
    ):
        with pytest.raises(ValueError, match="position"):
            await engine.search(query)


async def test_cards_are_replaced_removed_and_rebuilt_as_other_processes_see_at_once(
    engine: EmbeddedCardEngine, tmp_path: Path
) -> None:
    reader = EmbeddedCardEngine(tmp_path / "cards")
    assert (await reader.search(CardQuery())).total == 3
    await engine.put([card(1, "Rust 实战")])
    assert found(await reader.search(CardQuery("python"))) == [3]
    await engine.remove([UUID(int=2), UUID(int=99)])
    assert (await reader.search(CardQuery())).total == 2
    await engine.rebuild([card(7, "Go")])
    assert found(await reader.search(CardQuery())) == [7]
    await reader.close()


async def test_an_empty_square_is_no_error(tmp_path: Path) -> None:
    engine = EmbeddedCardEngine(tmp_path / "nothing")
    assert await engine.search(CardQuery("python")) == CardPage(
        [], {"category": {}, "tags": {}, "language": {}, "price": {}}, 0, None
    )
    await engine.remove([UUID(int=1)])
    await engine.close()
