"""Outlines as text formats and as a picture: whatever stands in a title."""

import re
from itertools import combinations
from uuid import UUID, uuid4
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from service.knowledge.outlining.nodes import Node, Outline
from service.knowledge.outlining.picture import FONT, MOST_DRAWN, PAD, ROW, as_svg, boxes, lay_out, width
from service.knowledge.outlining.rendering import as_markdown, as_mermaid, as_opml

ID = UUID(int=7)
HOSTILE = (
    '"/><script>alert(1)</script>]](x) ``` &amp; %%{init}%% :::k ::icon(x) 试用期'
    " <img src=//e.example onerror=a()>"
)


def node(title: str, *children: Node) -> Node:
    return Node(title, "point", ID, ID, ID, 0, 1, "ab", {"label": ""}, list(children))


def outline(*nodes: Node, title: str = "地圖") -> Outline:
    return Outline(title, "extract", [], list(nodes), truncated=False)


TREES = st.recursive(
    st.text(max_size=120).map(node),
    lambda inner: st.tuples(st.text(max_size=60), st.lists(inner, max_size=5)).map(
        lambda made: node(made[0], *made[1])
    ),
    max_leaves=40,
)


@given(st.lists(TREES, max_size=6), st.text(max_size=80))
@settings(max_examples=60)
def test_no_two_labels_of_a_picture_overlap_and_all_lie_on_it(nodes: list[Node], title: str) -> None:
    drawn = outline(*nodes, title=title)
    root = ElementTree.fromstring(as_svg(drawn))
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    placed = boxes(lay_out(drawn))
    assert all(box.x > 0 and box.x + box.width < wide and 0 < box.y - ROW / 2 < high - ROW for box in placed)
    for one, other in combinations(placed, 2):
        beside = one.x + one.width < other.x or other.x + other.width < one.x
        assert beside or abs(one.y - other.y) >= ROW - 1e-6
    assert all(width(box.label) * FONT + 2 * PAD <= box.width + 1e-6 for box in placed)


@given(st.lists(TREES, max_size=4), st.text(max_size=80))
@settings(max_examples=60)
def test_any_title_leaves_every_format_whole(nodes: list[Node], title: str) -> None:
    drawn = outline(*nodes, title=title)
    ElementTree.fromstring(as_opml(drawn).encode())
    for line in as_mermaid(drawn).splitlines()[2:]:
        assert re.fullmatch(r' {4,}n\d+\["[^"\[\]()<>{}`%;#&|]+"\]', line)
    items = [line for line in as_markdown(drawn).splitlines() if line.lstrip().startswith("- [")]
    assert len(items) == as_mermaid(drawn).count("\n") - 2


def test_a_picture_holds_nothing_that_runs_loads_or_needs_a_style() -> None:
    picture = as_svg(outline(node(HOSTILE, node(HOSTILE)), title=HOSTILE))
    root = ElementTree.fromstring(picture)
    names = {element.tag.partition("}")[2] for element in root.iter()}
    assert names == {"svg", "title", "rect", "path", "text"}
    given = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in given if name.startswith("on") or name in {"style", "href", "class"}]
    assert "e.example" not in picture
    assert "试用期" in picture


def test_titles_are_text_in_every_format() -> None:
    drawn = outline(node(HOSTILE), title=HOSTILE)
    for made in (as_markdown(drawn), as_mermaid(drawn), as_opml(drawn)):
        assert "<script" not in made
        assert "e.example" not in made
        assert "试用期" in made


def test_ideographs_are_measured_wider_than_letters() -> None:
    assert width("试用期") == 3
    assert width("abc") < 2
    assert width("e\u0301") == width("e")


def test_a_picture_of_many_nodes_draws_some_and_says_how_many_more() -> None:
    many = outline(*(node(str(uuid4())) for _ in range(5000)))
    labels = [box.label for box in boxes(lay_out(many))]
    assert len(labels) <= MOST_DRAWN + 1
    assert labels[-1] == f"+{5000 - (len(labels) - 2)}"
