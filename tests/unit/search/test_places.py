"""A sentence of a passage is located where it stands, not where the passage begins."""

from search.passages.cutting import Block, cut
from search.passages.places import locator_at

TEXT = "Plant: Rose\nPlant: Lavender\nPlant: Fern"
ROWS = [(0, 11, 3), (12, 27, 4), (28, 39, 9)]
BLOCKS = [Block(start, end, "table", {"label": f"row {row}", "row": row}) for start, end, row in ROWS]


def test_a_passage_of_several_rows_knows_the_row_of_each() -> None:
    (passage,) = cut(TEXT, BLOCKS)
    found = [locator_at(passage.locator, TEXT.index(word)) for word in ("Rose", "Lavender", "Fern")]
    assert found == [{"label": f"row {row}", "row": row} for row in (3, 4, 9)]


def test_what_is_shown_of_a_passage_is_its_first_place_and_nothing_else() -> None:
    (passage,) = cut(TEXT, BLOCKS)
    assert locator_at(passage.locator, passage.start) == {"label": "row 3", "row": 3}


def test_a_locator_that_all_blocks_share_stays_as_it_is() -> None:
    shared = {"label": "A", "heading_path": ["A"]}
    blocks = [Block(0, 11, "paragraph", shared), Block(12, 27, "paragraph", dict(shared))]
    assert [passage.locator for passage in cut(TEXT[:27], blocks)] == [shared]
