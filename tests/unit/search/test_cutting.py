from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from search.passages.cutting import ARTICLE_LIMIT, LIMIT, RUNT, Block, Passage, cut, size

PIECE = st.text(alphabet="甲乙丙丁。，；\nab .", min_size=1, max_size=400)


@st.composite
def texts_with_blocks(draw: st.DrawFn) -> tuple[str, list[Block]]:
    text, blocks, path = "", [], list[str]()
    for piece in draw(st.lists(PIECE, max_size=12)):
        kind = draw(st.sampled_from(["heading", "paragraph", "article", "nothing"]))
        start = len(text)
        text += piece
        if kind == "heading":
            path = [piece.strip()] if draw(st.booleans()) else []
        locator: dict[str, object] = {"heading_path": path}
        if kind == "article":
            locator["article"] = f"第{start}条"
        if kind != "nothing":
            blocks.append(Block(start, len(text), kind, locator))
        text += draw(st.sampled_from(["", "\n", "\n\n"]))
    return text, blocks


def _names(passage: Passage, heading: str) -> bool:
    bare = ["".join(c for c in name if c.isalnum()) for name in passage.locator.get("heading_path", [])]
    return "".join(c for c in heading if c.isalnum()) in bare


@given(texts_with_blocks())
def test_every_code_point_is_in_one_passage_or_a_named_heading(given_: tuple[str, list[Block]]) -> None:
    text, blocks = given_
    passages = cut(text, blocks)
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.text.strip()
    assert all(a.end <= b.start for a, b in pairwise(passages))
    covered = [False] * len(text)
    for passage in passages:
        covered[passage.start : passage.end] = [True] * (passage.end - passage.start)
    for block in blocks:
        following = next((p for p in passages if p.start >= block.end), None)
        if block.kind == "heading" and following and _names(following, text[block.start : block.end]):
            covered[block.start : block.end] = [True] * (block.end - block.start)
    assert all(seen or c.isspace() for c, seen in zip(text, covered, strict=True))


@given(texts_with_blocks())
def test_no_passage_is_much_longer_than_its_limit(given_: tuple[str, list[Block]]) -> None:
    text, blocks = given_
    headings = sum(b.end - b.start for b in blocks if b.kind == "heading")
    for passage in cut(text, blocks):
        limit = ARTICLE_LIMIT if passage.locator.get("article") else LIMIT
        assert size(passage.text) <= limit + RUNT + headings + 50


def test_an_article_is_one_passage_with_its_locator() -> None:
    lines = ["第一章 总则", "第一条 为了保护劳动者。", "第二款也属于第一条。", "第二条 本法适用于企业。"]
    text = "\n".join(lines)
    starts = [text.index(line) for line in lines]
    chapter = {"heading_path": ["第一章 总则"]}
    kinds = ["heading", "article", "paragraph", "article"]
    articles = [None, "第一条", "第一条", "第二条"]
    blocks = [
        Block(start, start + len(line), kind, {**chapter, **({"article": article} if article else {})})
        for start, line, kind, article in zip(starts, lines, kinds, articles, strict=True)
    ]
    first, second = cut(text, blocks)
    assert first.text == "第一条 为了保护劳动者。\n第二款也属于第一条。"
    assert (first.locator["article"], second.locator["article"]) == ("第一条", "第二条")
    assert first.locator["heading_path"] == ["第一章 总则"]


def test_short_paragraphs_under_one_heading_are_joined_and_long_ones_divided_at_sentences() -> None:
    text = "短句。\n短句。"
    assert [p.text for p in cut(text, [Block(0, 3, "paragraph"), Block(4, 7, "paragraph")])] == [text]
    long = "这是一个有十四个字的完整句子。" * 60
    passages = cut(long, [Block(0, len(long), "paragraph")])
    assert len(passages) >= 2
    assert all(p.text.endswith("。") and len(p.text) <= LIMIT for p in passages)


def test_a_title_that_no_path_names_opens_the_passage_after_it() -> None:
    text = "# 劳动法\n正文。"
    (passage,) = cut(text, [Block(0, 5, "heading", {}), Block(6, 9, "paragraph", {"heading_path": []})])
    assert passage.text == text
