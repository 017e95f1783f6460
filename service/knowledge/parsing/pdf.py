"""PDF: text by page with pdfium, ruled tables with pdfplumber; pages that are only pictures are told."""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pypdfium2
import pypdfium2.raw as raw

from service.knowledge.parsing import ocr
from service.knowledge.parsing.confining import widen
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Note, Parsed, UnreadableFile
from service.knowledge.parsing.pdf_lines import Line, furniture, heading_sizes, paragraphs, without
from service.knowledge.parsing.pdf_tables import Table, tables_of
from service.knowledge.parsing.rows import always, write_table
from service.knowledge.parsing.writing import Writer, one_line

RULES = 4
"""Pages with fewer lines and boxes drawn have no ruled table."""
TABLE_PAGES = 200
"""Finding tables takes ten times what the text does; behind so many pages with rules they are plain text."""
OBJECTS = 5000
PAGES = 20_000
SCAN_DOTS_PER_INCH = 200
SCAN_PIXELS = 20_000_000
"""Of a page, however large it says that it is: four times as many as of one that is printed."""
PICTURE_SHARE = 0.3
"""A page without text is a scan when a picture covers this much of it; a blank one is none."""


@dataclass(slots=True)
class Page:
    """What is on a page, before it is put together."""

    number: int
    lines: list[Line] = field(default_factory=list)
    ruled: bool = False
    scanned: bool = False
    tables: Sequence[Table] = ()
    read_from_image: str = ""


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The text of every page. A note names pages that are scanned.

    Raises ``UnreadableFile``: ``encrypted_document``, ``damaged_document``, and ``scanned_document`` when no
    page has text.
    """
    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
        if count > PAGES:
            raise UnreadableFile("document_too_large", f"The PDF has more than {PAGES} pages.")
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise UnreadableFile(
                "encrypted_document", "The PDF is locked; save it without password."
            ) from error
        raise UnreadableFile("damaged_document", "The PDF is damaged and cannot be read.") from error
    pages = []
    characters = 0
    reader = ocr.Reader(limits)
    for number in range(1, count + 1):
        page = _read(document, number, reader)
        characters += sum(len(line.text) for line in page.lines)
        if characters > limits.characters:
            raise UnreadableFile("text_too_long", f"The text has more than {limits.characters} characters.")
        pages.append(page)
    scanned = [page.number for page in pages if page.scanned]
    if scanned and not any(page.lines or page.read_from_image for page in pages):
        raise UnreadableFile(
            "scanned_document",
            f"The PDF holds pictures of text on {named(scanned)}; only text that can be selected is read.",
        )
    ruled = [page for page in pages if page.ruled][:TABLE_PAGES]
    for page, tables in zip(ruled, tables_of(data, [page.number for page in ruled]), strict=True):
        page.tables = tables
    note = Note("scanned_pages", f"Scanned without text and not read: {named(scanned)}.") if scanned else None
    return _written(pages, _contents(document), limits, note)


def named(pages: Sequence[int]) -> str:
    """``page 3`` or ``pages 1–3, 7``."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][-1] + 1:
            runs[-1][1:] = [page]
        else:
            runs.append([page])
    shown = ", ".join("–".join(map(str, run)) for run in runs)
    return f"page {shown}" if len(pages) == 1 else f"pages {shown}"


def _read(document: pypdfium2.PdfDocument, number: int, reader: ocr.Reader) -> Page:
    found = Page(number)
    try:
        page = document[number - 1]
    except pypdfium2.PdfiumError:
        return found  # A page that is not there in a file that claims it.
    text = page.get_textpage()
    found.lines = list(_lines(text))
    text.close()
    rules, picture = _drawn(page)
    if found.lines:
        found.ruled = rules >= RULES
    elif picture >= PICTURE_SHARE:
        if reader.reads:
            found.read_from_image = _read_picture(page, reader)
        found.scanned = not found.read_from_image.strip()
    page.close()
    return found


def _read_picture(page: pypdfium2.PdfPage, reader: ocr.Reader) -> str:
    """What a program reads of a page; nothing where it fails, which is no reason to lose the others."""
    widen()
    inches = max(1.0, page.get_width() * page.get_height()) / 72**2
    dots = min(SCAN_DOTS_PER_INCH, (SCAN_PIXELS / inches) ** 0.5)
    try:
        return reader.read(page.render(scale=dots / 72).to_pil())
    except UnreadableFile:
        return ""


def _lines(page: pypdfium2.PdfTextPage) -> Iterator[Line]:
    """The lines of a page that hold anything, in the order of the file."""
    text = page.get_text_range()
    position = 0
    box = (ctypes.c_double * 4)()
    for written in text.split("\n"):
        start = position
        position += len(written) + 1
        line = one_line(written.replace("\ufffe", "-"))
        if not line:
            continue
        first = start + len(written) - len(written.lstrip())
        last = start + len(written.rstrip()) - 1
        left, right, bottom, top = _box(page, first, box)
        _, end, low, high = _box(page, last, box)
        size = round(2 * raw.FPDFText_GetFontSize(page.raw, first)) / 2
        height = max(top - bottom, high - low, 1.0)
        # Some writers set every letter at size 1 and scale the page.
        shown = size if 0.5 * height <= size <= 3 * height else round(2 * height) / 2
        yield Line(line, left, max(right, end), min(bottom, low), max(top, high), shown)


def _box(page: pypdfium2.PdfTextPage, index: int, box: Any) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a letter; zeros where the page does not know."""
    references = [ctypes.byref(box, 8 * n) for n in range(4)]
    pointers = [ctypes.cast(reference, ctypes.POINTER(ctypes.c_double)) for reference in references]
    if not raw.FPDFText_GetCharBox(page.raw, index, *pointers):
        return 0.0, 0.0, 0.0, 0.0
    return box[0], box[1], box[2], box[3]


def _drawn(page: pypdfium2.PdfPage) -> tuple[int, float]:
    """How many lines and boxes are drawn on a page, and the share of it that the largest picture covers."""
    rules, picture = 0, 0.0
    area = max(1.0, page.get_width() * page.get_height())
    for number, thing in enumerate(page.get_objects(max_depth=3)):
        if number >= OBJECTS:
            break
        if thing.type == raw.FPDF_PAGEOBJ_PATH:
            rules += 1
        elif thing.type == raw.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = thing.get_bounds()
            picture = max(picture, (right - left) * (top - bottom) / area)
    return rules, picture


def _contents(document: pypdfium2.PdfDocument) -> dict[int, dict[str, int]]:
    """The PDF's own table of contents: page number to its headings (without spaces) and their levels."""
    found: dict[int, dict[str, int]] = {}
    for mark in document.get_toc(max_depth=6):
        target = mark.get_dest()
        index = target.get_index() if target is not None else None
        title = "".join(mark.get_title().split())
        if index is not None and title:
            found.setdefault(index + 1, {})[title] = mark.level + 1
    return found


def _written(
    pages: Sequence[Page], contents: dict[int, dict[str, int]], limits: ParseLimits, note: Note | None
) -> Parsed:
    writer = Writer(limits)
    repeated = furniture([page.lines for page in pages])
    sizes = heading_sizes(page.lines for page in pages)
    for page in pages:
        place = {"label": f"page {page.number}", "page": page.number}
        lines = [
            line for line in without(page.lines, repeated) if not any(t.holds(line) for t in page.tables)
        ]
        tables = sorted(page.tables, key=lambda table: -table.top)
        for paragraph in paragraphs(lines, sizes):
            while tables and tables[0].top >= paragraph.top:
                write_table(writer, tables.pop(0).rows, always(place))
            marked = contents.get(page.number, {}).get("".join(paragraph.text.split()), 0)
            level = marked if contents else paragraph.level
            writer.add(paragraph.text, "heading" if level else "paragraph", level=level, place=place)
        for table in tables:
            write_table(writer, table.rows, always(place))
        for paragraph_text in page.read_from_image.split("\n\n"):
            writer.add(paragraph_text, place=place)
    return writer.parsed(note=note)
