"""Excel files (OOXML): each sheet's rows, as they show on the screen; hidden sheets are left out."""

import datetime
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.packages import Package
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.rows import write_table
from service.knowledge.parsing.writing import Writer

EMPTY_ROWS = 10_000
"""Behind so many empty rows a sheet is taken to end: a single cell in its last row is no million rows."""
COLUMNS = 1000


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The rows of every sheet that is shown. Raises ``UnreadableFile``."""
    Package(data, limits)  # within its limits before anything is unpacked
    with warnings.catch_warnings():
        # Of extensions and styles, which nobody reads.
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        except (InvalidFileException, KeyError) as error:
            raise UnreadableFile("damaged_document", "The file holds no workbook.") from error
        writer = Writer(limits)
        for sheet in book.worksheets:
            if sheet.sheet_state == "visible":
                _sheet(sheet, writer)
    return writer.parsed()


def _sheet(sheet: Any, writer: Writer) -> None:
    # What the file says of a sheet's size need not be so.
    sheet.reset_dimensions()
    title = str(sheet.title)
    writer.heading(title, 1, place={"label": f"sheet '{title}'", "sheet": title})
    write_table(
        writer,
        _rows(sheet),
        lambda number: {"label": f"sheet '{title}' row {number}", "sheet": title, "row": number},
    )


def _rows(sheet: Any) -> Iterator[Sequence[str]]:
    empty = 0
    for row in sheet.iter_rows():
        cells = [shown_value(cell.value, _format(cell)) for cell in row[:COLUMNS]]
        empty = 0 if any(cells) else empty + 1
        if empty > EMPTY_ROWS:
            return
        yield cells


def _format(cell: Any) -> str | None:
    # Empty cells have none.
    found = getattr(cell, "number_format", None)
    return found if isinstance(found, str) else None


def shown_value(value: object, number_format: str | None = None) -> str:
    """A cell's value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        return (
            value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "seconds")
        )
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, float | int):
        if number_format and number_format.rstrip().endswith("%"):
            return f"{value * 100:.10g}%"
        return f"{value:.15g}" if isinstance(value, float) else str(value)
    return str(value)
