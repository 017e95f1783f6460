"""Whether a passage supports a sentence, and with which words of it.

The measure is plain: how much of the sentence's wording the quoted words contain, and that every number of
the sentence is among theirs. It does not understand; it only never lets through what the source has not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from search.text import fold, numbers, split_sentences, tokens

SUPPORTED = 0.5
"""The share of a sentence's wording that its quotes together must contain."""
CONTRIBUTES = 0.25
"""The share below which one quote of several adds nothing worth citing."""
LITTLE = 0.25
"""What a term weighs that says little, beside 1."""
WORTH_WIDENING = 0.15
"""What a second sentence must add to a quote to be part of it."""

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_LIST_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)、）])\s+")
_URL = re.compile(r"(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s)\]>\"'，。）]+", re.IGNORECASE)
_IMAGE_OR_TAG = re.compile(r"!\[|<\s*/?\s*[a-zA-Z!]")
_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve"
_ENGLISH_NUMBERS = {word: str(n) for n, word in enumerate(_COUNTED.split())}


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of the passage with this index: ``text[start:end]`` of the passage's own text."""

    passage: int
    start: int
    end: int


def find_support(sentence: str, passages: Sequence[tuple[int, str]]) -> list[Quote]:
    """The quotes of these ``(index, text)`` passages that together support the sentence, or none."""
    claim = _LIST_ITEM.sub("", sentence)
    if _IMAGE_OR_TAG.search(claim) and not any(claim in text for _, text in passages):
        return []
    wanted = _terms(claim)
    if not wanted:
        return []
    quotes = []
    for index, text in passages:
        start, end, share = _best_window(wanted, text)
        if share >= (SUPPORTED if len(passages) == 1 else CONTRIBUTES):
            quotes.append((Quote(index, start, end), text[start:end]))
    together = "\n".join(text for _, text in quotes)
    if _share(wanted, together) < SUPPORTED or not _same_facts(claim, together):
        return []
    return [quote for quote, _ in quotes]


def _best_window(wanted: dict[str, float], text: str) -> tuple[int, int, float]:
    """The sentence, or the two neighbours, or else the whole, that holds most of what is wanted."""
    spans = split_sentences(text)
    best, best_share = (0, len(text)), 0.0
    for start, end in spans:
        if (share := _share(wanted, text[start:end])) > best_share:
            best, best_share = (start, end), share
    for (start, _), (_, end) in pairwise(spans):
        if (share := _share(wanted, text[start:end])) >= best_share + WORTH_WIDENING:
            best, best_share = (start, end), share
    if best_share < SUPPORTED and (share := _share(wanted, text)) >= SUPPORTED:
        best, best_share = (0, len(text)), share
    return *best, best_share


def _terms(text: str) -> dict[str, float]:
    """What a text says, weighed: n-grams of unspaced scripts, and stems, short ones (grammar) little."""
    weights: dict[str, float] = {}
    for term in tokens(text):
        if term.startswith("~"):
            weights[term] = 1.0 if len(term) > 4 or term[1:].isdigit() else LITTLE
        elif not term.isascii():
            # A lone character of Chinese is found nearly anywhere.
            weights[term] = 1.0 if len(term) > 1 else LITTLE
    return weights


def _share(wanted: dict[str, float], text: str) -> float:
    there = set(tokens(text))
    return sum(weight for term, weight in wanted.items() if term in there) / sum(wanted.values())


def _same_facts(claim: str, source: str) -> bool:
    """Whether each number and each address of the claim is in the source."""
    if not _numbers(claim) <= _numbers(source):
        return False
    return all(url.rstrip(".,;") in source for url in _URL.findall(claim))


def _numbers(text: str) -> set[str]:
    folded = fold(text)
    found = {digits.replace(",", "") for digits in _DIGITS.findall(folded)}
    found |= {digits for digits, _, _ in numbers(folded)}
    return found | {
        _ENGLISH_NUMBERS[word] for word in re.findall("[a-z]+", folded) if word in _ENGLISH_NUMBERS
    }
