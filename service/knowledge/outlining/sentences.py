"""Key sentences without a model: how much of a text one sentence stands for.

The measure is degree centrality: how alike a sentence is to all the others, each a unit vector of its terms
weighed by their rarity. The sum of the vectors gives it for all sentences in one pass.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from search.passages.cutting import Block
from search.text import split_sentences, tokenise

ALIKE = 0.5
"""From this cosine on, two sentences say the same."""
BRIEF, LONG = 5.0, 90.0
"""Terms, below and above which a sentence is rather not a key point."""
FIRST = 0.5
"""What the first sentence of a section gains; later ones less and less."""
AN_ITEM = 0.5
"""What an item of a list weighs."""

_ITEM = re.compile(r"[(（]?(?:\d{1,3}|[一二三四五六七八九十]{1,3})[)）、.．]|.*[；;]\s*$", re.DOTALL)
_WORDLESS = re.compile(r"^[\W\d_]*$")
_UNFIT = re.compile(r"^\s*[|<`~]|://|\bwww\.|!\[|^\s*(?:图|表|Figure|Table)\s*\d", re.IGNORECASE)

Vector = dict[str, float]


@dataclass(frozen=True, slots=True)
class Sentence:
    """``[start, end)`` of the text; ``place`` counts the sentences of its section before it. An ``item`` of a
    list says little by itself."""

    start: int
    end: int
    place: int
    vector: Vector
    item: bool = False


def sentences_of(text: str, folded: str, blocks: Sequence[Block], language: str) -> list[Sentence]:
    """The sentences of these blocks that say something: no code, tables' rules or bare addresses."""
    found: list[Sentence] = []
    for block in blocks:
        if block.kind in {"code", "heading"}:
            continue
        for start, end in split_sentences(text[block.start : block.end]):
            start, end = block.start + start, block.start + end
            said = text[start:end]
            if _WORDLESS.match(said) or _UNFIT.search(said):
                continue
            item = _ITEM.match(said) is not None
            found.append(Sentence(start, end, len(found), terms(folded[start:end], language), item))
    return found


def terms(folded: str, language: str) -> Vector:
    """What is compared: pairs of characters of unspaced scripts, and stems of words longer than grammar's."""
    grams, words = tokenise(folded, language)
    counted = Counter(gram for gram in grams if len(gram) > 1)
    counted.update(word for word in words if word[0] == "~" and len(word) > 4)
    return dict(counted)


def rank(sentences: Sequence[Sentence]) -> list[float]:
    """The weight of each sentence among these."""
    units = weighed([sentence.vector for sentence in sentences])
    together: Counter[str] = Counter()
    for vector in units:
        together.update(vector)
    ranked = []
    for sentence, vector in zip(sentences, units, strict=True):
        central = sum(weight * together[term] for term, weight in vector.items()) / max(1, len(units))
        central *= AN_ITEM if sentence.item else 1.0
        ranked.append(central * _fitting(sentence) * (1 + FIRST / (1 + sentence.place)))
    return ranked


def _fitting(sentence: Sentence) -> float:
    length = sum(sentence.vector.values())
    if length < BRIEF:
        return 0.4
    return math.sqrt(min(1.0, LONG / length))


def weighed(vectors: Sequence[Vector]) -> list[Vector]:
    """The vectors with rare terms weighed more, each of length 1."""
    among = Counter(term for vector in vectors for term in vector)
    units = []
    for vector in vectors:
        raw = {t: (1 + math.log(n)) * math.log(1 + len(vectors) / among[t]) for t, n in vector.items()}
        length = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        units.append({term: weight / length for term, weight in raw.items()})
    return units


def cosine(a: Vector, b: Vector) -> float:
    """Of two unit vectors."""
    if len(b) < len(a):
        a, b = b, a
    return sum(weight * b.get(term, 0.0) for term, weight in a.items())


def best(vectors: Sequence[Vector], weights: Sequence[float], most: int) -> list[int]:
    """The places of the weightiest, none like another, weightiest first."""
    units = weighed(vectors)
    chosen: list[int] = []
    for index in sorted(range(len(weights)), key=lambda i: (-weights[i], i)):
        if len(chosen) == most:
            break
        if all(cosine(units[index], units[other]) < ALIKE for other in chosen):
            chosen.append(index)
    return chosen
