"""A text as questions are put to it: its sentences, and where in them words and n-grams stand.

Kept for the texts read last, since the same few passages answer most questions."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from search.text import forms, runs, split_sentences

KEPT = 4096

Place = tuple[int, int]
"""(number of the sentence, offset in the text)"""

_NUMBER = re.compile(
    r"第[^\s]{1,12}[条章节](?:之[一二三四五六七八九十]+)?\s*|[(（]?[\d一二三四五六七八九十]+[)）、.．]\s*"
)
_ITEM = re.compile(r"[(（]?[\d一二三四五六七八九十]+[)）、.．]|[-*•·]\s")


class Reading:
    """A folded text. `sentences` are `[start, end)` in it; `begins`, where each begins past an article's
    number; `items`, which are items of a list; `leading`, which lead into one. Does not change once made."""

    __slots__ = ("_words", "begins", "folded", "items", "leading", "sentences", "starts")

    def __init__(self, folded: str, languages: tuple[str, ...] | None) -> None:
        self.folded = folded
        self.sentences = split_sentences(folded)
        self.starts = [0, *(start for start, _ in self.sentences[1:])][: len(self.sentences)]
        numbers = [_NUMBER.match(folded, start, end) for start, end in self.sentences]
        self.begins = [
            number.end() if number else start
            for number, (start, _) in zip(numbers, self.sentences, strict=True)
        ]
        self.items = [_ITEM.match(folded, start, end) is not None for start, end in self.sentences]
        self.leading = [folded[end - 1] in ":：" for _, end in self.sentences]
        self._words: dict[str, list[Place]] = {}
        if languages is not None:
            for run, at, _, unspaced in runs(folded):
                if not unspaced:
                    place = (bisect_right(self.starts, at) - 1, at)
                    for form in forms(run, languages):
                        self._words.setdefault(form, []).append(place)

    def words(self, form: str) -> Sequence[Place]:
        """Where the word (or, marked `~`, any word of this stem) stands, in order."""
        return self._words.get(form, ())


class Joint:
    """Texts read as one, since what is looked for in each is the same: sentences are numbered through, and
    offsets count in all of them together. `of` says which text each sentence is of; `firsts`, which is the
    first sentence of each text; `offsets`, where each text begins."""

    __slots__ = ("_ends", "_starts", "begins", "firsts", "folded", "lengths", "of", "offsets", "readings")

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.readings = readings
        self.folded = "\n".join([reading.folded for reading in readings])
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.begins: list[int] = []
        self.of: list[int] = []
        self.firsts: list[int] = []
        self.offsets: list[int] = []
        offset = 0
        for number, reading in enumerate(readings):
            self.firsts.append(len(self.of))
            self.offsets.append(offset)
            self._starts += [offset + start for start in reading.starts]
            self._ends += [offset + end for _, end in reading.sentences]
            self.begins += [offset + begin for begin in reading.begins]
            self.of += [number] * len(reading.sentences)
            offset += len(reading.folded) + 1
        self.lengths = [end - begin for begin, end in zip(self.begins, self._ends, strict=True)]

    def grams(self, gram: str) -> Sequence[Place]:
        """Where the n-gram stands, in order."""
        find, starts = self.folded.find, self._starts
        places = []
        at = find(gram)
        while at >= 0:
            places.append((bisect_right(starts, at) - 1, at))
            at = find(gram, at + 1)
        return places

    def words(self, form: str) -> Sequence[Place]:
        """Where the word (or, marked `~`, any word of this stem) stands, in order."""
        return [
            (first + number, offset + at)
            for reading, first, offset in zip(self.readings, self.firsts, self.offsets, strict=True)
            for number, at in reading.words(form)
        ]

    def holding(self, text: str) -> list[int]:
        """The numbers of the sentences in which the text stands."""
        find, starts, ends = self.folded.find, self._starts, self._ends
        numbers = []
        at = find(text)
        while at >= 0:
            numbers.append(number := bisect_right(starts, at) - 1)
            at = find(text, ends[number])
        return numbers


@lru_cache(maxsize=KEPT)
def read(folded: str, languages: tuple[str, ...] | None) -> Reading:
    """The reading of a folded text; with its words in the stems of these languages, or without them."""
    return Reading(folded, languages)
