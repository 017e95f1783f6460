"""What outlines are made of: nodes, each tied to the span of a revision that it stands for."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Kind = Literal["document", "heading", "article", "topic", "point"]

TITLE_CHARACTERS = 80
"""Of a node's title; what is longer ends in an ellipsis."""

_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)?")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)?")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]{1,15}:)?//\S*|\bwww\.\S*|\b(?:javascript|data|mailto):\S*", re.I)
_MARKS = re.compile(r"^\s*(?:[-*+•·]\s+|#{1,6}\s+|>\s*)+|\*\*|__|`+|<[^<>\n]{0,200}>|\s*#+\s*$")
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A node of one revision, before it is said whose: ``parent`` is an index among its likes, or -1.

    ``[start, end)`` counts code points; ``sha256`` is hex, of the span's UTF-8.
    """

    parent: int
    kind: Kind
    title: str
    start: int
    end: int
    sha256: str
    locator: dict[str, Any]


@dataclass(slots=True)
class Node:
    """A node of a mind map; ``[start, end)`` is its span in the revision, in code points, ``sha256`` that of
    the span's UTF-8 in hex. ``title`` is what the span says, shortened, without markup or addresses."""

    title: str
    kind: Kind
    knowledge_base_id: UUID
    document_id: UUID
    revision_id: UUID
    start: int
    end: int
    sha256: str
    locator: dict[str, Any]
    children: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outline:
    """Key points and a mind map. ``written_by`` is ``extract`` where no model took part, else its name.

    ``truncated``: there is more than is shown. ``pending`` documents have no outline of their own yet and
    stand in with their headings alone.
    """

    title: str
    written_by: str
    key_points: list[Node]
    nodes: list[Node]
    truncated: bool
    pending: int = 0


def shown(text: str, longest: int = TITLE_CHARACTERS) -> str:
    """A span as a title: one line without markup, addresses or invisible characters; never empty."""
    plain = _LINK.sub(r"\1", _IMAGE.sub(" ", text))
    plain = _MARKS.sub(" ", _ADDRESS.sub("…", plain))
    plain = " ".join(_INVISIBLE.sub(" ", plain).split())
    if len(plain) > longest:
        cut = plain[: longest - 1]
        space = cut.rfind(" ", longest // 2)
        plain = (cut[:space] if space > 0 else cut).rstrip(" ,，、;；:：") + "…"
    return plain or "…"


def tree(
    parts: Sequence[Part], *, knowledge_base_id: UUID, document_id: UUID, revision_id: UUID
) -> list[Node]:
    """The parts as trees. A part stands behind its parent, so what a list begins with is a tree as well."""
    nodes: list[Node] = []
    roots: list[Node] = []
    for part in parts:
        node = Node(
            title=part.title,
            kind=part.kind,
            knowledge_base_id=knowledge_base_id,
            document_id=document_id,
            revision_id=revision_id,
            start=part.start,
            end=part.end,
            sha256=part.sha256,
            locator=part.locator,
        )
        nodes.append(node)
        (roots if part.parent < 0 else nodes[part.parent].children).append(node)
    return roots


def count(nodes: Iterable[Node]) -> int:
    """How many nodes these trees have."""
    return sum(1 + count(node.children) for node in nodes)
