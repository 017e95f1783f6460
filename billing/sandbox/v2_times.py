"""Times as v2 writes them."""

from datetime import UTC, datetime


def text_of(moment: int) -> str:
    """Seconds as RFC 3339."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
