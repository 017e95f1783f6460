"""The mark of a browser that came by a shared link: set by a page, found again at checkout."""

import re

from service.http.login import Connection

COOKIE = "zhihao_visitor"
_MARK = re.compile(r"[0-9a-f]{32}")


def visitor_mark(connection: Connection) -> str | None:
    """The mark this browser was given, if it has one that is ours by its form."""
    mark = connection.cookies.get(COOKIE, "")
    return mark if _MARK.fullmatch(mark) else None
