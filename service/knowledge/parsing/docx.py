"""Word files (OOXML): headings, paragraphs, lists, tables and footnotes in their order, as they are read.

Read from the XML itself: text in content controls, text boxes and accepted changes is text; what is deleted
or hidden is none.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.packages import Package
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.rows import nowhere, write_table
from service.knowledge.parsing.writing import Writer

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
STRICT_W = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
LEFT_OUT = {f"{W}del", f"{W}moveFrom", f"{W}instrText", f"{W}delText", FALLBACK, f"{W}rPr", f"{W}pPr"}
_HEADING = re.compile(
    r"(?:heading|标题|標題|überschrift|titre|título|titolo|见出し)\s*([1-9])", re.IGNORECASE
)
TITLES = {"title", "标题", "標題"}
HEADING_OUTLINES = set("012345678")
"""The outline levels of headings; 9 is body text."""
DEEPEST_STYLE = 16


@dataclass(frozen=True, slots=True)
class Style:
    """What a style makes of a paragraph: a heading of a level (a title's is 1, 0 is none), an item of a list.

    None is left to the style it is based on."""

    level: int | None = None
    listed: bool | None = None


PLAIN = Style()


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The document's text. Raises ``UnreadableFile``."""
    package = Package(data, limits)
    main = next((part for kind, part in package.related("").values() if kind == "officeDocument"), None)
    if main is None or main not in package.names:
        raise UnreadableFile("damaged_document", "The file holds no document.")
    related = dict(package.related(main).values())
    styles = _styles(package, related.get("styles"))
    notes = _notes(package, related.get("footnotes"), "footnote")
    notes |= _notes(package, related.get("endnotes"), "endnote")
    writer = Writer(limits)
    for block in _blocks(package, main):
        if block.tag == f"{W}tbl":
            write_table(writer, _rows(block), nowhere)
        else:
            _write(writer, block, styles)
        for mark in block.iter():
            if mark.tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
                writer.add(notes.pop((mark.tag[len(W) :].removesuffix("Reference"), mark.get(f"{W}id")), ""))
    return writer.parsed(counted_by="paragraph")


def _blocks(package: Package, main: str) -> Iterator[Element]:
    """The outermost paragraphs and tables, each forgotten when the next is asked for."""
    depth = 0
    for event, element in package.events(main):
        if element.tag.startswith(STRICT_W):
            raise UnreadableFile("unsupported_format", "The file is Strict Open XML; save it as plain .docx.")
        if element.tag not in (f"{W}p", f"{W}tbl"):
            continue
        depth += 1 if event == "start" else -1
        if event == "end" and depth == 0:
            yield element
            element.clear()


def _write(writer: Writer, paragraph: Element, styles: dict[str, Style]) -> None:
    text = _text(paragraph)
    properties = paragraph.find(f"{W}pPr")
    level, listed = 0, False
    if properties is not None:
        named = properties.find(f"{W}pStyle")
        style = styles.get(named.get(f"{W}val", ""), PLAIN) if named is not None else PLAIN
        own = _style(properties)
        level = (style.level if own.level is None else own.level) or 0
        listed = bool(style.listed if own.listed is None else own.listed)
    if level:
        writer.heading(text, level)
    else:
        gap = "\n" if listed and writer.pieces and writer.pieces[-1].kind == "list_item" else "\n\n"
        writer.add(text, "list_item" if listed else "paragraph", gap=gap)


def _text(element: Element) -> str:
    """What is read of a paragraph; text boxes behind what they are anchored in."""
    parts: list[str] = []
    boxes: list[Element] = []
    _collect(element, parts, boxes)
    return "\n".join(["".join(parts), *(_text(box) for box in boxes)])


def _collect(element: Element, parts: list[str], boxes: list[Element]) -> None:
    for child in element:
        tag = child.tag
        if tag in LEFT_OUT:
            continue
        if tag == f"{W}t":
            parts.append(child.text or "")
        elif tag in (f"{W}tab", f"{W}ptab"):
            parts.append("\t")
        elif tag in (f"{W}br", f"{W}cr"):
            parts.append("\n")
        elif tag == f"{W}noBreakHyphen":
            parts.append("-")
        elif tag == f"{W}txbxContent":
            boxes += child.iter(f"{W}p")
        elif tag == f"{W}r" and child.find(f"{W}rPr/{W}vanish") is not None:
            continue
        else:
            _collect(child, parts, boxes)


def _rows(table: Element) -> Iterator[Sequence[str]]:
    """The cells of each row; a cell that spans columns is followed by empty ones; inner tables are lines."""
    for row in _children(table, f"{W}tr"):
        cells: list[str] = []
        for cell in _children(row, f"{W}tc"):
            paragraphs = [_text(paragraph) for paragraph in cell.iter(f"{W}p")]
            cells.append("\n".join(text for text in paragraphs if text))
            span = cell.find(f"{W}tcPr/{W}gridSpan")
            wide = span.get(f"{W}val", "1") if span is not None else "1"
            cells += [""] * (min(int(wide), 64) - 1 if wide.isdecimal() else 0)
        yield cells


def _children(element: Element, tag: str) -> Iterator[Element]:
    """Children of this tag, also those within content controls and accepted changes."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in (f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}customXml"):
            yield from _children(child, tag)


def _styles(package: Package, part: str | None) -> dict[str, Style]:
    """The paragraph styles by id, with what they take over from those they are based on."""
    if part is None or part not in package.names:
        return {}
    own: dict[str, Style] = {}
    based: dict[str, str] = {}
    for element in package.xml(part).iter(f"{W}style"):
        id = element.get(f"{W}styleId", "")
        name, parent = element.find(f"{W}name"), element.find(f"{W}basedOn")
        called = name.get(f"{W}val", "") if name is not None else ""
        properties = element.find(f"{W}pPr")
        own[id] = _style(properties) if properties is not None else Style()
        if called.lower() in TITLES:
            own[id] = replace(own[id], level=1)
        elif matched := _HEADING.match(called):
            own[id] = replace(own[id], level=int(matched[1]) + 1)
        if parent is not None:
            based[id] = parent.get(f"{W}val", "")
    return {id: _inherited(id, own, based) for id in own}


def _inherited(id: str, own: dict[str, Style], based: dict[str, str]) -> Style:
    style, ancestor = own[id], id
    for _ in range(DEEPEST_STYLE):
        ancestor = based.get(ancestor, "")
        parent = own.get(ancestor)
        if parent is None:
            break
        style = Style(
            parent.level if style.level is None else style.level,
            parent.listed if style.listed is None else style.listed,
        )
    return style


def _style(properties: Element) -> Style:
    """What a paragraph's or a style's properties say of it themselves."""
    outline = properties.find(f"{W}outlineLvl")
    number = properties.find(f"{W}numPr/{W}numId")
    value = outline.get(f"{W}val", "9") if outline is not None else None
    level = None if value is None else int(value) + 2 if value in HEADING_OUTLINES else 0
    return Style(level, None if number is None else number.get(f"{W}val") != "0")


def _notes(package: Package, part: str | None, kind: str) -> dict[tuple[str, str | None], str]:
    """The footnotes or endnotes by kind and id."""
    if part is None or part not in package.names:
        return {}
    notes = package.xml(part).iter(f"{W}{kind}")
    return {
        (kind, note.get(f"{W}id")): "\n".join(_text(paragraph) for paragraph in note.iter(f"{W}p"))
        for note in notes
        if note.get(f"{W}type") is None
    }
