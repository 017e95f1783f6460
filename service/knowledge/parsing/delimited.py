"""CSV and TSV: the rows of a table whose delimiter is found out."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.rows import write_table
from service.knowledge.parsing.writing import Writer

DELIMITERS = ",\t;|"
SAMPLE_ROWS = 50
SAMPLE_CHARACTERS = 64 * 1024
_DECLARED = re.compile(r"sep=([^\r\n\"])(?:\r\n|\r|\n)", re.IGNORECASE)
LONGEST_CELL = 1024 * 1024


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The rows, counted as a spreadsheet counts them. Raises ``UnreadableFile``."""
    text = decode(data).removeprefix("\ufeff")
    csv.field_size_limit(LONGEST_CELL)
    declared = _DECLARED.match(text)
    rows = text[declared.end() :] if declared else text
    delimiter = declared[1] if declared else delimiter_of(rows[:SAMPLE_CHARACTERS])
    writer = Writer(limits)
    try:
        write_table(writer, _rows(rows, delimiter), _place)
    except csv.Error as error:
        raise UnreadableFile("damaged_document", "The table has a cell that does not end.") from error
    return writer.parsed()


def _place(number: int) -> dict[str, object]:
    return {"label": f"row {number}", "row": number}


def _rows(text: str, delimiter: str) -> Iterator[Sequence[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def delimiter_of(sample: str) -> str:
    """What parts the cells: that which gives most rows the same number of more than one."""

    def agreement(delimiter: str) -> tuple[int, int]:
        try:
            widths = Counter(len(row) for row in islice(_rows(sample, delimiter), SAMPLE_ROWS) if row)
        except csv.Error:
            return 0, 0
        width, rows = max(widths.items(), key=lambda item: (item[0] > 1, item[1], item[0]), default=(0, 0))
        return (rows, width) if width > 1 else (0, 0)

    return max(DELIMITERS, key=agreement)
