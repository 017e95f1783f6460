"""The query parameters ``from`` and ``to``: a period, from its first instant to before its last."""

from datetime import UTC, datetime
from typing import Annotated

from litestar.params import QueryParameter

from service.http.inputs import InvalidInput

From = Annotated[str | None, QueryParameter(name="from", description="From here on: a time or a date (UTC).")]
To = Annotated[str | None, QueryParameter(name="to", description="Before this: a time or a date (UTC).")]
EARLIEST = 2000
LATEST = 9998


def period_of(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Both ends in UTC, ``None`` for one not given. Raises ``InvalidInput``."""
    start, end = _moment("from", since), _moment("to", until)
    if start is not None and end is not None and end <= start:
        raise InvalidInput(("to", "must be later than from"))
    return start, end


def _moment(name: str, value: str | None) -> datetime | None:
    """RFC 3339, or a date alone, which means its first instant; UTC where no offset is given."""
    if value is None:
        return None
    try:
        # A plus sign that was not escaped arrives as a space.
        moment = datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value else value)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput((name, "must be a time (RFC 3339) or a date")) from None
    if not EARLIEST <= moment.year <= LATEST:
        raise InvalidInput((name, f"must be between the years {EARLIEST} and {LATEST}"))
    return moment
