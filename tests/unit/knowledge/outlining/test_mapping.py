"""What is drawn of a text, and that every node stands on its span."""

import hashlib

from search.text import fold
from service.knowledge.outlining.mapping import Drawing, draw
from service.knowledge.outlining.nodes import Part, shown
from service.knowledge.outlining.terms import key_terms
from service.knowledge.parsing.formats import try_parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed

STATUTE = """# 某法

## 第一章 总则

第一条 为了保护劳动者的合法权益，制定本法。

第二条 用人单位与劳动者建立劳动关系，适用本法。

## 第二章 试用期

第三条 劳动合同期限三个月以上不满一年的，试用期不得超过一个月。
"""
GUIDE = """# Roses

## Feeding

Feed roses with potash in early spring. Potash makes roses flower longer than any other food. It rained.

## Pruning

Prune roses above an outward bud in winter. A clean cut heals sooner than a torn one.
"""
FLAT = " ".join(
    [
        "The river floods the lower meadow in March.",
        "Farmers open the river gates before the floods arrive.",
        "High floods of the river carry silt into the meadow.",
        "Silt from the river makes the meadow fertile.",
        "The village bakery sells rye bread every morning.",
        "Rye bread from the bakery keeps for a week.",
        "The bakery bakes bread in a wood oven.",
        "A wood oven gives bread a thick crust.",
        "Children buy sweet bread at the bakery on Sundays.",
    ]
)


def parsed(name: str, text: str) -> Parsed:
    found = try_parse(name, text.encode(), limits=ParseLimits(characters=100_000))
    assert isinstance(found, Parsed)
    return found


def drawn(name: str, text: str, language: str = "") -> tuple[str, Drawing]:
    found = parsed(name, text)
    return found.text, draw(name.partition(".")[0], found.text, found.blocks, language)


def below(parts: list[Part], parent: int) -> list[Part]:
    return [part for part in parts if part.parent == parent]


def test_every_node_hashes_to_its_span_and_stands_behind_its_parent() -> None:
    for name, text in (("law.md", STATUTE), ("roses.md", GUIDE), ("flat.txt", FLAT), ("短.txt", "一句话。")):
        whole, drawing = drawn(name, text)
        assert drawing.parts[0].kind == "document"
        assert drawing.points
        for number, part in enumerate([*drawing.parts, *drawing.points]):
            assert 0 <= part.start < part.end <= len(whole)
            assert part.sha256 == hashlib.sha256(whole[part.start : part.end].encode()).hexdigest()
            assert part.parent < number
        assert [part.parent for part in drawing.parts] == sorted(part.parent for part in drawing.parts)


def test_articles_of_a_statute_stand_below_their_chapters() -> None:
    whole, drawing = drawn("law.md", STATUTE)
    chapters = below(drawing.parts, 0)
    assert [(part.kind, part.title) for part in chapters] == [
        ("heading", "第一章 总则"),
        ("heading", "第二章 试用期"),
    ]
    first = below(drawing.parts, drawing.parts.index(chapters[0]))
    assert [part.kind for part in first] == ["article", "article"]
    assert whole[first[1].start : first[1].end] == "第二条 用人单位与劳动者建立劳动关系，适用本法。"
    assert first[1].locator["article"] == "第二条"


def test_a_section_shows_the_sentence_that_stands_for_it() -> None:
    whole, drawing = drawn("roses.md", GUIDE, "en")
    feeding = below(drawing.parts, 0)[0]
    (point,) = below(drawing.parts, drawing.parts.index(feeding))
    assert point.kind == "point"
    assert "potash" in whole[point.start : point.end].lower()
    assert point.locator["heading_path"] == ["Feeding"]


def test_a_flat_text_is_gathered_into_topics_named_by_words_of_their_span() -> None:
    whole, drawing = drawn("flat.txt", FLAT, "en")
    topics = below(drawing.parts, 0)
    assert {topic.kind for topic in topics} == {"topic"}
    assert len(topics) >= 2
    for topic in topics:
        span = fold(whole[topic.start : topic.end])
        assert all(fold(word) in span for word in topic.title.split(" · "))
    assert any("river" in topic.title.lower() for topic in topics)
    assert any("bread" in topic.title.lower() or "bakery" in topic.title.lower() for topic in topics)


def test_the_beginning_of_the_parts_is_a_tree_too() -> None:
    _, drawing = drawn("law.md", STATUTE)
    for cut in range(1, len(drawing.parts)):
        assert all(part.parent < cut for part in drawing.parts[:cut])


def test_the_same_text_is_drawn_the_same() -> None:
    assert drawn("flat.txt", FLAT)[1] == drawn("flat.txt", FLAT)[1]


def test_key_terms_are_words_and_not_pieces_of_words() -> None:
    text = "劳动合同应当书面订立。变更劳动合同，应当协商一致。终止劳动合同的，支付经济补偿。"
    text += "经济补偿按年限计算；无经济补偿的除外。"
    assert {term.text for term in key_terms(text, "", most=2)} == {"劳动合同", "经济补偿"}


def test_a_title_holds_no_markup_address_or_invisible_character() -> None:
    said = "## **See** [the shop](https://evil.example/x) at www.evil.example ![p](http://e.example/p.png)\u202e<b>now</b>"
    assert shown(said) == "See the shop at … now"
    assert shown(" \n") == "…"
    assert len(shown("长" * 500)) == 80
    assert "evil" not in shown("go to //evil.example/a or javascript:evil()")
