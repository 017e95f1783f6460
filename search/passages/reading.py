"""A text as questions are put to it: its sentences, and where in them words and n-grams stand.

Kept for the texts read last, since the same few passages answer most questions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from search.languages import plain
from search.text import runs, split_sentences, stem

KEPT = 4096

Place = tuple[int, int]
"""(number of the sentence, offset in the text)"""


class Reading:
    """A folded text. `sentences` are `[start, end)` in it. Does not change once made."""

    __slots__ = ("_starts", "_words", "folded", "sentences")

    def __init__(self, folded: str, languages: Sequence[str] | None) -> None:
        self.folded = folded
        self.sentences = split_sentences(folded)
        self._starts = [0, *(start for start, _ in self.sentences[1:])]
        self._words: dict[str, list[Place]] = {}
        if languages is not None:
            for run, at, _, unspaced in runs(folded):
                if not unspaced:
                    place = (bisect_right(self._starts, at) - 1, at)
                    for form in dict.fromkeys((plain(run), *(f"~{stem(run, each)}" for each in languages))):
                        self._words.setdefault(form, []).append(place)

    def grams(self, gram: str) -> Sequence[Place]:
        """Where the n-gram stands, in order."""
        find, starts = self.folded.find, self._starts
        at = find(gram)
        if at < 0:
            return ()
        places = []
        while at >= 0:
            places.append((bisect_right(starts, at) - 1, at))
            at = find(gram, at + 1)
        return places

    def words(self, form: str) -> Sequence[Place]:
        """Where the word (or, marked `~`, any word of this stem) stands, in order."""
        return self._words.get(form, ())


@lru_cache(maxsize=KEPT)
def read(folded: str, languages: tuple[str, ...] | None) -> Reading:
    """The reading of a folded text; with its words in the stems of these languages, or without them."""
    return Reading(folded, languages)
