"""Tables as text: a row a line, each value with the name of its column, so that a row is understood alone."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from service.knowledge.parsing.writing import Writer, one_line

BETWEEN = " | "
SAMPLE_ROWS = 20
HEADER_WITHIN = 5
"""A table's header is looked for in its first rows; titles may stand above it."""
_NUMBER = re.compile(r"[\s(+\-]*[$€£¥￥]?[\d.,:/%\-]+[\s)%]*")
LONGEST_NAME = 60


PlaceOf = Callable[[int], Mapping[str, Any] | None]
"""The place of the row of a number, if rows have one."""


def always(place: Mapping[str, Any]) -> PlaceOf:
    """Every row at the same place."""
    return lambda number: place


def nowhere(number: int) -> None:
    """Rows that have no place of their own."""


def write_table(writer: Writer, rows: Iterable[Sequence[str]], place_of: PlaceOf) -> None:
    """Each row that is not empty as a ``table`` block; rows are numbered from 1, empty ones included."""
    numbered = enumerate((list(map(one_line, row)) for row in rows), 1)
    sample = list(islice(numbered, SAMPLE_ROWS))
    header_at = _header(sample)
    header: Sequence[str] = []
    for number, cells in chain(sample, numbered):
        if number == header_at:
            header = cells
            line = BETWEEN.join(cell for cell in cells if cell)
        else:
            line = row_text(header, cells)
        if line:
            writer.add(
                line, "table", place=place_of(number), gap="\n" if writer.continues_table() else "\n\n"
            )


def row_text(header: Sequence[str], cells: Sequence[str]) -> str:
    """``Name: Rose | Price: 9.90``; a row that repeats its header is left out, a lone cell stands alone."""
    if header and list(cells) == list(header):
        return ""
    filled = [(index, cell) for index, cell in enumerate(cells) if cell]
    if len(filled) == 1 and filled[0][0] == 0:
        return filled[0][1]
    named = (
        f"{header[index]}: {cell}" if index < len(header) and header[index] else cell
        for index, cell in filled
    )
    return BETWEEN.join(named)


def _header(sample: Sequence[tuple[int, Sequence[str]]]) -> int | None:
    """The number of the row that names the columns: the first full one, if it has nothing but short names."""
    widths = [sum(map(bool, cells)) for _, cells in sample]
    if max(widths, default=0) < 2:
        return None
    filled = [(number, cells) for (number, cells), width in zip(sample, widths, strict=True) if width]
    for position, (number, cells) in enumerate(filled[:HEADER_WITHIN]):
        names = [cell for cell in cells if cell]
        if len(names) < 2 or len(names) < 0.6 * max(widths):
            continue
        words = all(len(name) <= LONGEST_NAME and not _NUMBER.fullmatch(name) for name in names)
        return number if words and len(set(names)) == len(names) and position + 1 < len(filled) else None
    return None
