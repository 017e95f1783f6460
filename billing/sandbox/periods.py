"""Calendar arithmetic of billing periods, in UTC seconds."""

from calendar import monthrange
from datetime import UTC, datetime

from billing.sandbox.config import DAY


def shift(moment: int, interval: str, count: int) -> int:
    """``moment`` moved by ``count`` intervals; the 31st becomes the last day of a shorter month."""
    if interval in ("day", "week"):
        return moment + count * DAY * (7 if interval == "week" else 1)
    at = datetime.fromtimestamp(moment, UTC)
    months = at.year * 12 + at.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(at.day, monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def boundary_after(anchor: int, interval: str, count: int, moment: int) -> int:
    """The first end of a period after ``moment``; periods end where ``anchor`` says, before and after it."""
    length = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}[interval] * count
    steps = (moment - anchor) // length
    while shift(anchor, interval, steps * count) > moment:
        steps -= 1
    while shift(anchor, interval, steps * count) <= moment:
        steps += 1
    return shift(anchor, interval, steps * count)
