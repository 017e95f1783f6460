"""Outlines as Markdown, Mermaid and OPML. Nothing in a title can become markup of any of them."""

import re
from xml.sax.saxutils import escape, quoteattr

from service.knowledge.outlining.nodes import Node, Outline, shown

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#!|~&()])")
_XML_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MERMAID_UNSAFE = str.maketrans(dict.fromkeys('()[]{}<>`"\\#;&%|\r\n\t', " "))


def as_markdown(outline: Outline) -> str:
    """Key points, then the map as a nested list; each item links to its document and span."""
    lines = [f"# {_markdown(outline.title)}", ""]
    if outline.key_points:
        lines += [f"> - [{_markdown(node.title)}]({_target(node)})" for node in outline.key_points]
        lines.append("")

    def write(node: Node, depth: int) -> None:
        lines.append(f"{'  ' * depth}- [{_markdown(node.title)}]({_target(node)})")
        for child in node.children:
            write(child, depth + 1)

    for node in outline.nodes:
        write(node, 0)
    return "\n".join(lines) + "\n"


def _target(node: Node) -> str:
    return f"documents/{node.document_id}?revision_id={node.revision_id}#{node.start}-{node.end}"


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", shown(text))


def as_mermaid(outline: Outline) -> str:
    """A mermaid ``mindmap``; every label is quoted, so that none is read as a shape, class or comment."""
    lines = ["mindmap", f'  root(("{_mermaid(outline.title)}"))']

    def write(node: Node, depth: int) -> None:
        lines.append(f'{"  " * (depth + 2)}n{len(lines)}["{_mermaid(node.title)}"]')
        for child in node.children:
            write(child, depth + 1)

    for node in outline.nodes:
        write(node, 0)
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    """Mermaid has no escaping in a mind map: what would end a label is left out."""
    return " ".join(shown(text).translate(_MERMAID_UNSAFE).split()) or "-"


def as_opml(outline: Outline) -> str:
    """OPML 2.0, with ids and spans as attributes."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<opml version="2.0">']
    lines.append(f"<head><title>{_xml(outline.title)}</title></head><body>")

    def write(node: Node) -> None:
        about = {
            "text": _XML_UNSAFE.sub(" ", shown(node.title)),
            "kind": node.kind,
            "documentId": str(node.document_id),
            "revisionId": str(node.revision_id),
            "start": str(node.start),
            "end": str(node.end),
            "sha256": node.sha256,
        }
        lines.append(f"<outline {' '.join(f'{name}={quoteattr(value)}' for name, value in about.items())}>")
        for child in node.children:
            write(child)
        lines.append("</outline>")

    for node in outline.nodes:
        write(node)
    lines.append("</body></opml>")
    return "\n".join(lines) + "\n"


def _xml(text: str) -> str:
    """As XML text: no control character may stand in it, escaped or not."""
    return escape(_XML_UNSAFE.sub(" ", shown(text)))
