"""Tables of a PDF whose cells are ruled."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pdfplumber

from service.knowledge.parsing.pdf_lines import Line


@dataclass(frozen=True, slots=True)
class Table:
    """Its cells, row by row, and where it stands, in points from the lower left of its page."""

    left: float
    right: float
    bottom: float
    top: float
    rows: Sequence[Sequence[str]]

    def holds(self, line: Line) -> bool:
        """Whether the line's middle lies in the table: then it is read as part of it."""
        across, up = (line.left + line.right) / 2, (line.bottom + line.top) / 2
        return self.left <= across <= self.right and self.bottom <= up <= self.top


def tables_of(data: bytes, pages: Sequence[int]) -> Iterator[list[Table]]:
    """The tables of each of these pages (numbered from 1), in order; none where they cannot be made out."""
    if not pages:
        return
    with pdfplumber.open(io.BytesIO(data), pages=list(pages)) as document:
        for page in document.pages:
            found = []
            for table in page.find_tables():
                rows = [[cell or "" for cell in row] for row in table.extract()]
                if len(rows) > 1 and max(map(len, rows)) > 1 and any(map(any, rows)):
                    left, top, right, bottom = table.bbox
                    found.append(Table(left, right, page.height - bottom, page.height - top, rows))
            page.close()
            yield found
