"""PowerPoint files (OOXML): the slides in their order, each with its title, text, tables and notes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.packages import Package
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.rows import always, write_table
from service.knowledge.parsing.writing import Writer

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
D = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
TITLES = {"title", "ctrTitle"}
FURNITURE = {"dt", "ftr", "sldNum", "hdr"}


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The slides' text; hidden slides are left out, numbers count them. Raises ``UnreadableFile``."""
    package = Package(data, limits)
    main = next((part for kind, part in package.related("").values() if kind == "officeDocument"), None)
    if main is None or main not in package.names:
        raise UnreadableFile("damaged_document", "The file holds no presentation.")
    related = package.related(main)
    writer = Writer(limits)
    for number, listed in enumerate(package.xml(main).iter(f"{P}sldId"), 1):
        _, part = related.get(listed.get(f"{R}id", ""), ("", ""))
        if part in package.names:
            _slide(package, part, {"label": f"slide {number}", "slide": number}, writer)
    return writer.parsed()


def _slide(package: Package, part: str, place: Mapping[str, Any], writer: Writer) -> None:
    slide = package.xml(part)
    if slide.get("show") in ("0", "false"):
        return
    shapes = list(_shapes(slide))
    for shape in shapes:
        if _placeholder(shape) in TITLES:
            writer.heading(" ".join(_paragraphs(shape)), 1, place=place)
    if not writer.pieces or writer.pieces[-1].place is not place:
        # Without a title of its own, a slide is not under the one before.
        writer.heading(str(place["label"]), 1, place=place)
    for shape in shapes:
        if shape.tag == f"{A}tbl":
            write_table(writer, _rows(shape), always(place))
        elif _placeholder(shape) not in TITLES | FURNITURE:
            _write(writer, _paragraphs(shape), place)
    for kind, other in package.related(part).values():
        if kind == "diagramData" and other in package.names:
            for point in package.xml(other).iter(f"{D}pt"):
                _write(writer, _paragraphs(point), place)
        elif kind == "notesSlide" and other in package.names:
            for shape in _shapes(package.xml(other)):
                if _placeholder(shape) == "body":
                    _write(writer, _paragraphs(shape), {**place, "label": f"{place['label']} notes"})


def _write(writer: Writer, paragraphs: Iterator[str], place: Mapping[str, Any]) -> None:
    """The paragraphs of one shape, a line each."""
    for number, text in enumerate(paragraphs):
        writer.add(text, place=place, gap="\n" if number else "\n\n")


def _shapes(element: Element) -> Iterator[Element]:
    """Shapes with text, and tables; in the order of the file, groups opened."""
    for child in element:
        if child.tag == FALLBACK:
            continue
        if child.tag in (f"{P}sp", f"{A}tbl"):
            yield child
        else:
            yield from _shapes(child)


def _placeholder(shape: Element) -> str | None:
    """What the layout takes the shape for: ``title``, ``body``, ``sldNum``, ...; None for a free one."""
    found = shape.find(f"{P}nvSpPr/{P}nvPr/{P}ph")
    return None if found is None else found.get("type", "body")


def _paragraphs(shape: Element) -> Iterator[str]:
    for paragraph in shape.iter(f"{A}p"):
        parts = (
            "\n" if run.tag == f"{A}br" else run.text or ""
            for run in paragraph.iter()
            if run.tag in (f"{A}t", f"{A}br")
        )
        if text := "".join(parts).strip():
            yield text


def _rows(table: Element) -> Iterator[Sequence[str]]:
    for row in table.iter(f"{A}tr"):
        yield ["\n".join(_paragraphs(cell)) for cell in row.iter(f"{A}tc")]
