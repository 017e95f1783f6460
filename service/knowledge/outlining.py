"""Outlines: the headings of a knowledge base's documents as a tree, each node with its span.

Drawn from the headings alone: no text below one is shown.
"""

import re
from dataclasses import dataclass, field
from uuid import UUID
from xml.sax.saxutils import escape, quoteattr

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.knowledge.blocks import unpack
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.knowledge.tables import document, revision

MAX_DOCUMENTS = 2000
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")
MERMAID_UNSAFE = str.maketrans(dict.fromkeys('()[]{}`"\\\r\n\t', " "))


@dataclass(slots=True)
class Node:
    """A heading; ``[start, end)`` is its own span in the revision, in code points."""

    title: str
    document_id: UUID
    revision_id: UUID
    start: int
    end: int
    children: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outline:
    """``truncated`` when the knowledge base has more documents than an outline shows."""

    title: str
    nodes: list[Node]
    truncated: bool


async def outline_of(session: AsyncSession | AsyncConnection, base: KnowledgeBaseFact) -> Outline:
    """One node a document, its headings below; in the order the documents came."""
    query = (
        sa.select(document.c.title, document.c.id, revision.c.id.label("revision_id"), revision.c.blocks)
        .join(revision, revision.c.id == document.c.current_revision_id)
        .where(document.c.knowledge_base_id == base.id, document.c.deleted_at.is_(None))
        .order_by(document.c.id)
        .limit(MAX_DOCUMENTS + 1)
    )
    rows = (await session.execute(query)).all()
    nodes = [_document_node(row.title, row.id, row.revision_id, row.blocks) for row in rows[:MAX_DOCUMENTS]]
    return Outline(base.title, nodes, truncated=len(rows) > MAX_DOCUMENTS)


def _document_node(title: str, document_id: UUID, revision_id: UUID, packed: dict[str, object]) -> Node:
    blocks = unpack(packed)
    root = Node(title, document_id, revision_id, 0, blocks[-1].end if blocks else 0)
    open_nodes: list[tuple[int, Node]] = [(0, root)]
    for block in blocks:
        if block.kind != "heading" or not block.locator["heading_path"]:
            continue
        level = block.locator["level"]
        node = Node(block.locator["heading_path"][-1], document_id, revision_id, block.start, block.end)
        while open_nodes[-1][0] >= level:
            open_nodes.pop()
        open_nodes[-1][1].children.append(node)
        open_nodes.append((level, node))
    return root


def as_markdown(outline: Outline) -> str:
    """A nested list; each item links to its document and span."""
    lines = [f"# {_one_line(outline.title)}", ""]

    def write(node: Node, depth: int) -> None:
        name = _one_line(node.title).replace("[", "\\[").replace("]", "\\]")
        target = f"documents/{node.document_id}?revision_id={node.revision_id}#{node.start}-{node.end}"
        lines.append(f"{'  ' * depth}- [{name}]({target})")
        for child in node.children:
            write(child, depth + 1)

    for node in outline.nodes:
        write(node, 0)
    return "\n".join(lines) + "\n"


def as_mermaid(outline: Outline) -> str:
    """A mermaid ``mindmap``."""
    lines = ["mindmap", f"  root(({_plain(outline.title)}))"]

    def write(node: Node, depth: int) -> None:
        lines.append(f"{'  ' * (depth + 2)}{_plain(node.title)}")
        for child in node.children:
            write(child, depth + 1)

    for node in outline.nodes:
        write(node, 0)
    return "\n".join(lines) + "\n"


def as_opml(outline: Outline) -> str:
    """OPML 2.0, with ids and spans as attributes."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">']
    lines.append(f"<head><title>{_xml(outline.title)}</title></head><body>")

    def write(node: Node) -> None:
        span = f'documentId="{node.document_id}" revisionId="{node.revision_id}"'
        name = quoteattr(_CONTROL.sub(" ", node.title))
        lines.append(f'<outline text={name} {span} start="{node.start}" end="{node.end}">')
        for child in node.children:
            write(child)
        lines.append("</outline>")

    for node in outline.nodes:
        write(node)
    lines.append("</body></opml>")
    return "\n".join(lines) + "\n"


def _xml(text: str) -> str:
    """As XML text: no control character may stand in it, escaped or not."""
    return escape(_CONTROL.sub(" ", _one_line(text)))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    """Mermaid has no escaping in a mind map: what would end a node's text is left out."""
    return _one_line(text.translate(MERMAID_UNSAFE)) or "-"


def as_svg(outline: Outline) -> str:
    """The tree as indented lines; text only, nothing that runs or loads."""
    rows: list[tuple[int, str]] = [(0, outline.title)]

    def collect(node: Node, depth: int) -> None:
        rows.append((depth, node.title))
        for child in node.children:
            collect(child, depth + 1)

    for node in outline.nodes:
        collect(node, 1)
    height = 24 * len(rows) + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="960" height="{height}" viewBox="0 0 960 {height}"'
        ' font-family="sans-serif" font-size="14">'
    ]
    for index, (depth, title) in enumerate(rows):
        lines.append(f'<text x="{16 + 24 * depth}" y="{24 * index + 28}">{_xml(title)}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
