"""An outline that a model wrote, as it is kept: every node stands on a span of the text itself."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search.passages.cutting import Passage
from service.knowledge.outlining.kept import Undrawn
from service.knowledge.outlining.mapping import KEY_POINTS, Drawing
from service.knowledge.outlining.nodes import Kind, Part, shown


@dataclass(frozen=True, slots=True)
class Span:
    """Some words of a model's, and the ``[start, end)`` of the text that was found to support them."""

    topic: bool
    text: str
    start: int
    end: int
    locator: dict[str, Any]


def spaced(pieces: Sequence[Passage], most_characters: int) -> list[Passage]:
    """As many of the pieces, evenly spread over the text, as have that many code points together."""
    total = sum(len(piece.text) for piece in pieces)
    step = max(1.0, total / most_characters)
    return [pieces[int(n * step)] for n in range(int(len(pieces) / step))]


def drawing(of: Undrawn, spans: Sequence[Span]) -> Drawing:
    """The spans below their topics, topics first; no parts at all where there are no spans."""
    if not spans:
        return Drawing([], [])
    groups: list[list[Span]] = []
    for span in spans:
        if span.topic or not groups:
            groups.append([])
        groups[-1].append(span)
    root = _part(of, -1, "document", of.title, 0, len(of.text), {"label": "", "heading_path": []})
    heads = [_span_part(of, 0, group[0]) for group in groups]
    below = [_span_part(of, n, span) for n, group in enumerate(groups, 1) for span in group[1:]]
    key = [span for span in spans if not span.topic] or list(spans)
    return Drawing([root, *heads, *below], [_span_part(of, -1, span) for span in key[:KEY_POINTS]])


def _span_part(of: Undrawn, parent: int, span: Span) -> Part:
    kind: Kind = "topic" if span.topic else "point"
    return _part(of, parent, kind, span.text, span.start, span.end, span.locator)


def _part(
    of: Undrawn, parent: int, kind: Kind, title: str, start: int, end: int, locator: dict[str, Any]
) -> Part:
    sha256 = hashlib.sha256(of.text[start:end].encode("utf-8", "surrogatepass")).hexdigest()
    return Part(parent, kind, shown(title), start, end, sha256, locator)
