"""PowerPoint files: slide by slide, with notes."""

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.pptx import parse
from tests.unit.knowledge.parsing.reading import locator_of, told
from tests.written import office

LIMITS = ParseLimits()


def test_slides_come_in_their_order_with_titles_tables_and_notes() -> None:
    assert told(parse(office.presentation(), LIMITS)) == [
        ("heading", "slide 1 › The garden", "The garden"),
        ("paragraph", "slide 1 › The garden", "A year in pictures"),
        ("heading", "slide 2 › Roses", "Roses"),
        ("paragraph", "slide 2 › Roses", "Feed in spring"),
        ("paragraph", "slide 2 › Roses", "Prune in March"),
        ("paragraph", "slide 2 notes › Roses", "Mention the potash."),
        ("heading", "slide 3", "slide 3"),
        ("table", "slide 3", "Grain | Sown"),
        ("table", "slide 3", "Grain: Wheat | Sown: October"),
        ("table", "slide 3", "Grain: Barley | Sown: March"),
    ]


def test_a_locator_has_the_slides_number() -> None:
    locator = locator_of(parse(office.presentation(), LIMITS), "Prune in March")
    assert locator == {"label": "slide 2 › Roses", "slide": 2, "heading_path": ["Roses"]}
