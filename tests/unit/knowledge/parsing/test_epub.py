"""Books: chapter by chapter."""

import pytest

from service.knowledge.parsing.epub import parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import UnreadableFile
from tests.unit.knowledge.parsing.reading import locator_of, told
from tests.written import books

LIMITS = ParseLimits()


@pytest.mark.parametrize("version", [2, 3])
def test_chapters_come_in_their_order_under_the_names_of_the_contents(version: int) -> None:
    assert told(parse(books.book(version=version), LIMITS)) == [
        ("heading", "Cover", "Cover"),
        ("paragraph", "Cover", "The Garden Book"),
        ("heading", "Chapter 1: Roses › Roses", "Roses"),
        ("paragraph", "Chapter 1: Roses › Roses", "Feed roses with potash in spring."),
        ("heading", "第二章 薰衣草", "第二章 薰衣草"),
        ("paragraph", "第二章 薰衣草", "薰衣草每周浇水一次。"),
        ("list_item", "第二章 薰衣草", "夏天多浇"),
        ("paragraph", "第二章 薰衣草", "冬天少浇水。"),
    ]


def test_a_locator_has_the_chapters_number() -> None:
    locator = locator_of(parse(books.book(), LIMITS), "冬天少浇水")
    assert (locator["chapter"], locator["heading_path"]) == (3, ["第二章 薰衣草"])


def test_a_book_under_rights_management_is_refused() -> None:
    with pytest.raises(UnreadableFile) as refusal:
        parse(books.book(locked=True), LIMITS)
    assert refusal.value.code == "encrypted_document"
