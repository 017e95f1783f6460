"""How often Python looks for garbage that refers to itself."""

import gc

ALLOCATIONS = 50_000


def collect_seldom() -> None:
    """For a process that makes and drops much at a time: a look every 50,000 objects instead of every 700.

    Parsing and tokenising make lists by the ten thousand and hardly a cycle; with Python's own setting much
    of an import's time went into looking for them. What was loaded by now is never looked at again, which
    spares every call of a service that has loaded much.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 20)
