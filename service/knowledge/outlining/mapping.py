"""Draws a text's outline without a model: its headings, their articles or key sentences, or its topics.

The parts come level by level: the first so many of them are a map of the text with less detail.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from search.passages.cutting import Block
from search.text import fold, language_of
from service.knowledge.outlining.nodes import Kind, Part, shown
from service.knowledge.outlining.sentences import Sentence, best, rank, sentences_of
from service.knowledge.outlining.topics import topics_of

KEY_POINTS = 5
"""Of a text."""
MOST_PARTS = 2000
"""Of one text."""
MOST_SENTENCES = 3000
"""Weighed of a section; what is longer is read so far."""
_SHEETS = ("slide", "sheet")


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is kept of a revision: its map, the whole text first, and its key points, weightiest first."""

    parts: list[Part]
    points: list[Part]


@dataclass(slots=True)
class _Branch:
    kind: Kind
    title: str
    start: int
    end: int
    locator: dict[str, Any]
    blocks: list[Block] = field(default_factory=list)
    children: list["_Branch"] = field(default_factory=list)


def draw(title: str, text: str, blocks: Sequence[Block], language: str) -> Drawing:
    """The outline of a text whose document has this title; for a thread of its own. Raises nothing."""
    folded = fold(text)
    language = language_of(folded, language)
    root = _headed(title, text, blocks)
    said = sentences_of(text, folded, blocks, language)[:MOST_SENTENCES]
    if not root.children:
        root.children = [_sheet(text, name, group) for name, group in _sheets(blocks)]
    if root.children:
        for branch in list(_all(root)):
            _fill(branch, text, folded, language)
    else:
        for topic in topics_of(text, folded, said, language):
            lead = topic.points[0]
            branch = _Branch("topic", topic.title, lead.start, lead.end, _locator(blocks, lead.start))
            branch.children = [_point(text, blocks, sentence) for sentence in topic.points[1:]]
            root.children.append(branch)
    points = [_point(text, blocks, sentence) for sentence in key_sentences(said, KEY_POINTS)]
    return Drawing(_levels(text, root), [_part(text, branch, -1) for branch in points])


def key_sentences(said: Sequence[Sentence], most: int) -> list[Sentence]:
    """The weightiest of these sentences, weightiest first."""
    chosen = best([sentence.vector for sentence in said], rank(said), most)
    return [said[index] for index in chosen]


def _headed(title: str, text: str, blocks: Sequence[Block]) -> _Branch:
    """The headings as a tree, each with the blocks that stand below it and above the next."""
    root = _Branch("document", shown(title), 0, len(text), {"label": "", "heading_path": []})
    open_branches: list[tuple[int, _Branch]] = [(0, root)]
    for block in blocks:
        if block.kind != "heading":
            open_branches[-1][1].blocks.append(block)
            continue
        path = block.locator.get("heading_path") or []
        if not path:  # the title of the text itself
            continue
        level = int(block.locator.get("level", 1))
        while len(open_branches) > 1 and open_branches[-1][0] >= level:
            open_branches.pop()
        branch = _Branch("heading", shown(path[-1]), block.start, block.end, block.locator)
        open_branches[-1][1].children.append(branch)
        open_branches.append((level, branch))
    return root


def _fill(branch: _Branch, text: str, folded: str, language: str) -> None:
    """Gives a branch what its own blocks say: the articles of a statute, else key sentences."""
    articles = [_article(text, list(group)) for name, group in groupby(branch.blocks, _article_of) if name]
    if articles:
        branch.children[:0] = articles
        return
    said = sentences_of(text, folded, branch.blocks, language)[:MOST_SENTENCES]
    most = 1 if len(said) < 4 or branch.children else 2 if len(said) < 12 else 3
    chosen = sorted(key_sentences(said, most), key=lambda sentence: sentence.start)
    branch.children[:0] = [_point(text, branch.blocks, sentence) for sentence in chosen]


def _article_of(block: Block) -> str:
    return str(block.locator.get("article") or "")


def _article(text: str, blocks: list[Block]) -> _Branch:
    start, end = blocks[0].start, blocks[-1].end
    return _Branch("article", shown(text[start:end]), start, end, blocks[0].locator)


def _point(text: str, blocks: Sequence[Block], sentence: Sentence) -> _Branch:
    title = shown(text[sentence.start : sentence.end])
    return _Branch("point", title, sentence.start, sentence.end, _locator(blocks, sentence.start))


def _sheets(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """The slides or sheets of a text that has them in place of headings."""
    for name, group in groupby(blocks, lambda block: _sheet_of(block)):
        if name:
            yield name, list(group)


def _sheet_of(block: Block) -> str:
    return next((f"{name} {block.locator[name]}" for name in _SHEETS if block.locator.get(name)), "")


def _sheet(text: str, name: str, blocks: list[Block]) -> _Branch:
    start, end = blocks[0].start, blocks[-1].end
    label = str(blocks[0].locator.get("label") or name)
    return _Branch("heading", shown(label), start, end, blocks[0].locator, blocks)


def _locator(blocks: Sequence[Block], at: int) -> dict[str, Any]:
    return next((block.locator for block in blocks if block.start <= at < block.end), {"label": ""})


def _all(branch: _Branch) -> Iterator[_Branch]:
    yield branch
    for child in branch.children:
        yield from _all(child)


def _levels(text: str, root: _Branch) -> list[Part]:
    """Level by level, no more than ``MOST_PARTS``."""
    parts: list[Part] = []
    level: list[tuple[int, _Branch]] = [(-1, root)]
    while level and len(parts) < MOST_PARTS:
        below: list[tuple[int, _Branch]] = []
        for parent, branch in level[: MOST_PARTS - len(parts)]:
            below += ((len(parts), child) for child in branch.children)
            parts.append(_part(text, branch, parent))
        level = below
    return parts


def _part(text: str, branch: _Branch, parent: int) -> Part:
    sha256 = hashlib.sha256(text[branch.start : branch.end].encode("utf-8", "surrogatepass")).hexdigest()
    return Part(parent, branch.kind, branch.title, branch.start, branch.end, sha256, dict(branch.locator))
