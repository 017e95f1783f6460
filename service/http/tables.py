"""Tables as CSV (RFC 4180), for people who open them in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from service.http.asking import AnyRequest

CSV = "text/csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def tabled(kind: type) -> dict[str, Any]:
    """What a route says that answers with ``kind``, or with CSV."""
    spec = ResponseSpec(kind, description="As JSON, or as CSV.", generate_examples=False)
    return {"opt": {"media_types": (CSV,)}, "responses": {200: spec}}


def wants_csv(request: AnyRequest, format: str | None) -> bool:
    """Asked for by ``?format=csv``, or by the Accept header."""
    return format == "csv" if format else CSV in request.headers.get("accept", "").lower()


def csv_response(header: Sequence[str], rows: Iterable[Sequence[object]], *, name: str) -> Response[bytes]:
    """``name`` is the file's. Text that a spreadsheet would take for a formula is marked as text."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(header)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return Response(
        # With a mark, by which spreadsheets know UTF-8.
        sheet.getvalue().encode("utf-8-sig"),
        media_type=f"{CSV}; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
