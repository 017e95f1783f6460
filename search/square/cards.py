"""What a query to the square asks for, and how what matched is shown: the same for every engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from search.languages import plain
from search.mistyping import slack, within
from search.passages.question import analyse
from search.square.card import Card
from search.square.indexed import fields_of
from search.square.synonyms import BUILT_IN, Synonyms
from search.text import fold, language_of, runs, stem

FRAGMENT = 160  # characters of a long field that are shown around its first match
USUAL = Synonyms.read(BUILT_IN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing a square query asks for: a bigram (or lone character), or a word with its other forms.
    `slack` is how many typing errors are forgiven; `prefix` lets a word match as a beginning. `also` are
    synonyms of the term it belongs to: each matches where all its tokens are."""

    forms: tuple[str, ...]
    word: bool
    slack: int = 0
    prefix: bool = False
    also: tuple[tuple[str, ...], ...] = ()


def wanted_of(query: str, synonyms: Synonyms = USUAL) -> list[Wanted]:
    """The query's parts in order, each once. Empty where the query holds no word."""
    core = analyse(query).core
    languages = sorted({language_of(core), "en"})
    named = list(synonyms.within(core))
    found: dict[tuple[str, ...], Wanted] = {}
    for run, start, end, unspaced in runs(core):
        if unspaced:
            for i, gram in enumerate([run[i : i + 2] for i in range(len(run) - 1)] or [run], start):
                also = _also(named, i, i + len(gram))
                found.setdefault((gram,), Wanted((gram,), word=False, also=also))
            continue
        word = plain(run)
        forms = (word, *dict.fromkeys(f"~{stem(run, language)}" for language in languages))
        last = not core[end:].strip() and len(word) >= 3
        also = _also(named, start, end)
        found.setdefault(forms, Wanted(forms, word=True, slack=slack(word), prefix=last, also=also))
    return list(found.values())


def _also(
    named: Sequence[tuple[int, int, tuple[tuple[str, ...], ...]]], start: int, end: int
) -> tuple[tuple[str, ...], ...]:
    return next((others for low, high, others in named if low <= start and end <= high), ())


def highlights(card: Card, wanted: Sequence[Wanted]) -> dict[str, str]:
    """Of each searched text that matched, by name."""
    marked = {name: highlight(text, wanted, card.language) for name, text in fields_of(card).items()}
    return {name: text for name, text in marked.items() if text is not None}


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
    own = language_of(folded, language)
    spaced = [(plain(r), f"~{stem(r, own)}", start, end) for r, start, end, un in runs(folded) if not un]
    for word, stemmed, start, end in spaced:
        if any(_meets(word, stemmed, w) for w in words):
            marked.append((start, end))
    for tokens in {tokens for w in wanted for tokens in w.also}:
        places = [_places(token, folded, spaced) for token in tokens]
        if all(places):
            marked += (place for found in places for place in found)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(marked):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _places(token: str, folded: str, spaced: Sequence[tuple[str, str, int, int]]) -> list[tuple[int, int]]:
    """Where a token of a synonym stands: words by their forms, anything else by its characters."""
    if token[0] == "~" or token[0] < "\u0e00":
        return [(start, end) for word, stemmed, start, end in spaced if token in (word, stemmed)]
    return [(m.start(), m.start() + len(token)) for m in _overlapping(token, folded)]


def _overlapping(gram: str, text: str) -> list[re.Match[str]]:
    return list(re.finditer(f"(?={re.escape(gram)})", text))


def _meets(word: str, stemmed: str, wanted: Wanted) -> bool:
    if word in wanted.forms or stemmed in wanted.forms:
        return True
    asked = wanted.forms[0]
    return (wanted.prefix and word.startswith(asked)) or within(word, asked, wanted.slack)
