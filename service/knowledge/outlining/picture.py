"""A mind map drawn: an SVG of text, boxes and lines, with nothing in it that runs or loads."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from service.knowledge.outlining.nodes import Node, Outline, shown

MOST_DRAWN = 240
"""Nodes of one picture; whole levels are drawn as far as they fit."""
FONT, ROW, GAP, MARGIN, PAD = 14.0, 28.0, 44.0, 24.0, 9.0
LONGEST_LABEL = 24.0
"""In ems."""
INKS = ("#1d4ed8", "#0f766e", "#b45309", "#7c3aed", "#be123c", "#4d7c0f", "#0369a1")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_WIDTHS = {**dict.fromkeys("fijlrtI.,:;'|!()[] -", 0.36), **dict.fromkeys("mwMW@%", 0.95)}


@dataclass(slots=True)
class Box:
    """A label with its place: ``x`` is its left edge, ``y`` its middle; ``ink`` its branch's colour."""

    label: str
    width: float
    depth: int
    ink: str
    x: float = 0.0
    y: float = 0.0
    children: list["Box"] = field(default_factory=list)


def width(text: str) -> float:
    """In ems, rather too wide than too narrow for any font: ideographs are one, Latin letters about .6."""
    return sum(
        1.0
        if unicodedata.east_asian_width(c) in "WF"
        else 0.0
        if unicodedata.combining(c)
        else _WIDTHS.get(c, 0.72 if c.isupper() else 0.62 if c.isascii() else 0.8)
        for c in text
    )


def fitted(text: str, longest: float = LONGEST_LABEL) -> str:
    """The text, cut where it is wider than that many ems."""
    plain = _UNSAFE.sub(" ", shown(text))
    if width(plain) <= longest:
        return plain
    used, end = width("…"), 0
    for c in plain:
        used += width(c)
        if used > longest:
            break
        end += 1
    return plain[:end].rstrip() + "…"


def lay_out(outline: Outline) -> Box:
    """The map from left to right: a column a level, as wide as its widest label, a row a leaf."""
    root = _box(outline.title, 0, "#111827")
    alone = len(outline.nodes) == 1 and outline.nodes[0].title == outline.title
    level: list[tuple[Box, Sequence[Node]]] = [(root, outline.nodes[0].children if alone else outline.nodes)]
    drawn = 1
    while level:
        below: list[tuple[Box, Sequence[Node]]] = []
        room = MOST_DRAWN - drawn
        fits = sum(len(nodes) for _, nodes in level) <= room
        each = max(1, room // len(level)) if room > 0 else 0
        for parent, nodes in level:
            taken = nodes if fits else nodes[:each]
            for node in taken:
                ink = parent.ink if parent.depth else INKS[len(parent.children) % len(INKS)]
                box = _box(node.title, parent.depth + 1, ink)
                parent.children.append(box)
                below.append((box, node.children))
            if len(nodes) > len(taken):
                parent.children.append(_box(f"+{len(nodes) - len(taken)}", parent.depth + 1, "#6b7280"))
        drawn += sum(len(box.children) for box, _ in level)
        level = [(box, nodes) for box, nodes in below if nodes] if fits else []
    columns: dict[int, float] = {}
    _measure(root, columns)
    _place(root, columns, MARGIN, 0)
    return root


def _box(text: str, depth: int, ink: str) -> Box:
    label = fitted(text)
    return Box(label, width(label) * FONT + 2 * PAD, depth, ink)


def _measure(box: Box, columns: dict[int, float]) -> None:
    columns[box.depth] = max(columns.get(box.depth, 0.0), box.width)
    for child in box.children:
        _measure(child, columns)


def _place(box: Box, columns: dict[int, float], x: float, row: int) -> int:
    """Places a subtree from that row on; returns the row behind it."""
    box.x = x
    first = row
    for child in box.children:
        row = _place(child, columns, x + columns[box.depth] + GAP, row)
    row = max(row, first + 1)
    box.y = MARGIN + ROW * (first + row) / 2
    return row


def boxes(box: Box) -> list[Box]:
    """A box and all below it."""
    return [box, *(inner for child in box.children for inner in boxes(child))]


def as_svg(outline: Outline) -> str:
    """The picture. Colours are attributes, so that no policy for pages needs to allow styles."""
    root = lay_out(outline)
    everything = boxes(root)
    wide = max(box.x + box.width for box in everything) + MARGIN
    high = max(box.y for box in everything) + ROW / 2 + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}"'
        f' viewBox="0 0 {wide:.0f} {high:.0f}" role="img" font-size="{FONT:g}"'
        " font-family=\"system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif\">",
        f"<title>{escape(_UNSAFE.sub(' ', shown(outline.title)))}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for box in everything:
        lines += (_line(box, child) for child in box.children)
    for box in everything:
        lines += _label(box)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _line(box: Box, child: Box) -> str:
    start, middle = box.x + box.width, (box.x + box.width + child.x) / 2
    return (
        f'<path d="M{start:.1f} {box.y:.1f}C{middle:.1f} {box.y:.1f} {middle:.1f} {child.y:.1f}'
        f' {child.x:.1f} {child.y:.1f}" fill="none" stroke="{child.ink}" stroke-opacity="0.5"/>'
    )


def _label(box: Box) -> list[str]:
    top, high = box.y - ROW / 2 + 3, ROW - 6
    fill, text = (box.ink, "#ffffff") if box.depth <= 1 else ("#ffffff", "#111827")
    edge = f' stroke="{box.ink}" stroke-opacity="0.5"' if box.depth > 1 else ""
    return [
        f'<rect x="{box.x:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{high:.1f}" rx="6"'
        f' fill="{fill}"{edge}/>',
        f'<text x="{box.x + PAD:.1f}" y="{box.y + FONT * 0.35:.1f}" fill="{text}">{escape(box.label)}</text>',
    ]
