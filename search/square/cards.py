"""What a card is searched by, and how what matched is shown: the same for every engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from search.passages.question import analyse
from search.square.card import Card
from search.text import fold, language_of, plain, runs, stem

FRAGMENT = 160  # characters of a long field that are shown around its first match


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing a square query asks for: a bigram (or lone character), or a word with its other forms.
    `slack` is how many typing errors are forgiven; `prefix` lets a word match as a beginning."""

    forms: tuple[str, ...]
    word: bool
    slack: int = 0
    prefix: bool = False


def wanted_of(query: str) -> list[Wanted]:
    """The query's parts in order, each once. Empty where the query holds no word."""
    core = analyse(query).core
    languages = sorted({language_of(core), "en"})
    found: dict[tuple[str, ...], Wanted] = {}
    for run, _, end, unspaced in runs(core):
        if unspaced:
            for gram in [run[i : i + 2] for i in range(len(run) - 1)] or [run]:
                found.setdefault((gram,), Wanted((gram,), word=False))
            continue
        word = plain(run)
        forms = (word, *dict.fromkeys(f"~{stem(run, language)}" for language in languages))
        slack = 0 if len(word) < 4 or any(c.isdigit() for c in word) else 1 if len(word) < 8 else 2
        last = not core[end:].strip() and len(word) >= 3
        found.setdefault(forms, Wanted(forms, word=True, slack=slack, prefix=last))
    return list(found.values())


def fields_of(card: Card) -> dict[str, str]:
    """The searched texts of a card."""
    return {
        "title": card.title,
        "summary": card.summary,
        "tags": " · ".join(card.tags),
        "creator": f"{card.creator_name} @{card.creator_handle}",
    }


def highlight(text: str, wanted: Sequence[Wanted], language: str) -> str | None:
    """HTML-escaped text with what matched in `<em>`, cut to a fragment when long; None if nothing did."""
    ranges = _ranges(fold(text), wanted, language)
    if not ranges:
        return None
    low, high = 0, len(text)
    if len(text) > FRAGMENT * 1.3:
        low = max(0, min(ranges[0][0] - FRAGMENT // 4, len(text) - FRAGMENT))
        high = low + FRAGMENT
    shown, position = ["…" if low else ""], low
    for start, end in ranges:
        if start < low or end > high:
            continue
        shown += (escape(text[position:start]), "<em>", escape(text[start:end]), "</em>")
        position = end
    return "".join([*shown, escape(text[position:high]), "…" if high < len(text) else ""])


def _ranges(folded: str, wanted: Sequence[Wanted], language: str) -> list[tuple[int, int]]:
    marked: list[tuple[int, int]] = []
    words = [w for w in wanted if w.word]
    for w in wanted:
        if not w.word:
            marked += ((m.start(), m.start() + len(w.forms[0])) for m in _overlapping(w.forms[0], folded))
    if words:
        own = language_of(folded, language)
        for run, start, end, unspaced in runs(folded):
            if not unspaced and any(_meets(plain(run), f"~{stem(run, own)}", w) for w in words):
                marked.append((start, end))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(marked):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _overlapping(gram: str, text: str) -> list[re.Match[str]]:
    return list(re.finditer(f"(?={re.escape(gram)})", text))


def _meets(word: str, stemmed: str, wanted: Wanted) -> bool:
    if word in wanted.forms or stemmed in wanted.forms:
        return True
    asked = wanted.forms[0]
    return (wanted.prefix and word.startswith(asked)) or within(word, asked, wanted.slack)


def within(word: str, other: str, slack: int) -> bool:
    """Whether at most `slack` letters are missing, added, changed or swapped with a neighbour."""
    if not slack or abs(len(word) - len(other)) > slack:
        return False
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
    return row[-1] <= slack
