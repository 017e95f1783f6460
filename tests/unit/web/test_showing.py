from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from service.usecases.read_knowledge_base import Anchor, DocumentPage
from service.web import showing
from service.web.showing import Window, window

SOME = UUID(int=1)
TEXT = "# Roses\n\nFeed in spring.\n\nPrune in winter.\n"
ANCHORS = [Anchor(0, {"level": 1}), Anchor(9, {}), Anchor(26, {})]


def document(text: str, anchors: list[Anchor]) -> DocumentPage:
    return DocumentPage(
        id=SOME,
        knowledge_base_id=SOME,
        revision_id=SOME,
        title="t",
        tier="free",
        text=text,
        anchors=anchors,
    )


def cited(shown: Window) -> str:
    return "".join(block.cited for block in shown.blocks)


def test_a_document_is_shown_block_by_block_and_headings_as_headings() -> None:
    shown = window(document(TEXT, ANCHORS), start=None, end=None, begin=None)
    assert [(block.level, block.before) for block in shown.blocks] == [
        (1, "Roses"),
        (0, "Feed in spring."),
        (0, "Prune in winter."),
    ]
    assert (shown.earlier, shown.later) == (None, None)
    assert cited(shown) == ""


def test_the_span_is_marked_letter_by_letter_across_blocks() -> None:
    start, end = TEXT.index("spring"), TEXT.index(" in winter")
    shown = window(document(TEXT, ANCHORS), start=start, end=end, begin=None)
    assert cited(shown) == TEXT[start:end]
    assert [block.first for block in shown.blocks] == [False, True, False]


def test_a_span_outside_the_text_marks_nothing() -> None:
    for start, end in ((-1, 4), (4, 4), (5, 2), (0, len(TEXT) + 1), (10**12, 10**13), (3, None), (None, 3)):
        shown = window(document(TEXT, ANCHORS), start=start, end=end, begin=None)
        assert cited(shown) == ""


def test_a_long_document_is_turned_page_by_page_and_opens_where_it_is_cited() -> None:
    paragraph = "x" * 999 + "\n"
    text = paragraph * 200
    anchors = [Anchor(at, {}) for at in range(0, len(text), 1000)]
    whole = document(text, anchors)
    first = window(whole, start=None, end=None, begin=None)
    assert first.earlier is None
    seen, begin = 0, 0
    while True:
        shown = window(whole, start=None, end=None, begin=begin)
        seen += sum(len(block.before) + 1 for block in shown.blocks)
        if shown.later is None:
            break
        begin = shown.later
    assert seen == len(text)
    opened = window(whole, start=150_010, end=150_020, begin=None)
    assert opened.blocks[0].start <= 150_010
    assert opened.earlier is not None
    assert cited(opened) == text[150_010:150_020]


@given(
    text=st.text(alphabet="a# \n𠮷é", max_size=60),
    starts=st.lists(st.integers(0, 60)),
    span=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_whatever_the_blocks_the_marked_text_is_the_span(
    text: str, starts: list[int], span: tuple[int, int]
) -> None:
    anchors = [Anchor(start, {}) for start in sorted(starts)]
    shown = window(document(text, anchors), start=span[0], end=span[1], begin=None)
    inside = 0 <= span[0] < span[1] <= len(text)
    assert cited(shown) == (text[span[0] : span[1]] if inside else "")


def test_a_page_holds_about_the_window() -> None:
    assert showing.WINDOW >= 10_000
