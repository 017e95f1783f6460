"""Words mistyped: how many errors are forgiven in one, and how many part two.

An error is a letter missing, added, changed, or swapped with its neighbour."""

from __future__ import annotations

from collections.abc import Iterable


def slack(word: str) -> int:
    """How many errors are forgiven: none in fewer than four letters or with a digit, two from eight."""
    return 0 if len(word) < 4 or any(c.isdigit() for c in word) else 1 if len(word) < 8 else 2


def errors(word: str, other: str) -> int:
    """How many errors part the words; what was swapped is not changed again."""
    start, end, other_end = 0, len(word), len(other)
    while start < end and start < other_end and word[start] == other[start]:
        start += 1
    while start < end and start < other_end and word[end - 1] == other[other_end - 1]:
        end, other_end = end - 1, other_end - 1
    word, other = word[start:end], other[start:other_end]  # what is alike at both ends parts nothing
    if len(word) < 2 and len(other) < 2:
        return max(len(word), len(other))
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(word, 1):
        following = [i]
        for j, b in enumerate(other, 1):
            cost = min(row[j] + 1, following[-1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and word[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        before, row = row, following
    return row[-1]


def within(word: str, other: str, most: int) -> bool:
    """Whether at most `most` errors part the words; of none, they need not be compared."""
    return most > 0 and abs(len(word) - len(other)) <= most and errors(word, other) <= most


def near(word: str, others: Iterable[str]) -> list[str]:
    """Those of the others that the word may have been meant as, without itself. The first letter is right."""
    most = slack(word)
    if not most:
        return []
    low, high, unlike = len(word) - most, len(word) + most, frozenset(word).symmetric_difference
    likely = [o for o in others if low <= len(o) <= high and len(unlike(o)) <= 2 * most]
    return [o for o in likely if o != word and o[0] == word[0] and errors(word, o) <= most]
