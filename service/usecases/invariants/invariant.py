"""The form of what must always hold: one statement that returns what breaks it; no rows is good."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Invariant:
    """``faults`` selects one text column ``what``: a line for each fault.

    ``:pending`` in it is how long something may be merely unfinished: younger than that, it is somebody's to
    finish. ``quick`` says that its cost does not grow with history, so that it may be asked every hour.
    """

    name: str
    sentence: str
    faults: str
    quick: bool = False
