"""Key terms of a text: the words it is about, as they stand in it, in any script."""

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from search.languages import plain
from search.text import fold, runs, stem

LONGEST_GRAM = 6
READ = 60_000
"""Code points read of a text; its terms have been said by then."""
COMMON = 0.3
"""A word that more than this share of many sentences holds is grammar."""

_EDGES = frozenset(
    "的了是在和与及或之于以为被把对从到由就都也而且但等其有个所这那不应可将并时中后前上下内外者各每该此本"
    "得着过给让使向至当如若则又再还更最很只才要会能须需按据依照我你他她它们什么吗呢吧啊怎哪谁几"
    "一二三四五六七八九十百千万第条款项章节年月日元号其它种次只因作做无未已即乃及与且凡"
)
_GRAMMAR_WORDS = """
about above after again against also always among another because been before being below between both
cannot could does doing done down during each either enough even ever every four five from further give
given goes have having here hers herself himself however into itself just know left less like made make many
more most much must never next none nothing often once only other ours over same shall should since some
such take than that their theirs them then there therefore these they thing things this those three through
thus together under until upon used using very want well were what when where whether which while whom whose
will with within without would your yours first second last several still around across almost along third
"""
_GRAMMAR = frozenset(_GRAMMAR_WORDS.split())
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class KeyTerm:
    """``text`` as it stands at its first place; ``folded`` as it is found again; ``weight`` orders."""

    text: str
    folded: str
    weight: float


def key_terms(text: str, language: str, *, most: int, least: int = 2) -> list[KeyTerm]:
    """The terms said at least ``least`` times, weightiest first, none within another."""
    text = text[:READ]
    folded = fold(text)
    found = _grams(text, folded, least) + _words(text, folded, language, least)
    found.sort(key=lambda term: (-term.weight, term.folded))
    kept: list[KeyTerm] = []
    for term in found:
        if len(kept) == most:
            break
        if not any(term.folded in other.folded or other.folded in term.folded for other in kept):
            kept.append(term)
    return kept


def _grams(text: str, folded: str, least: int) -> list[KeyTerm]:
    """Strings of unspaced script that are said again in different company: a word has many neighbours, a
    piece of a word few."""
    counts: Counter[str] = Counter()
    before: defaultdict[str, Counter[str]] = defaultdict(Counter)
    after: defaultdict[str, Counter[str]] = defaultdict(Counter)
    first: dict[str, int] = {}
    pairs = Counter(
        run[i : i + 2] for run, _, _, unspaced in runs(folded) if unspaced for i in range(len(run) - 1)
    )
    for run, at, end, unspaced in runs(folded):
        if not unspaced:
            continue
        for i in range(len(run) - 1):
            if run[i] in _EDGES:
                continue
            for j in range(i + 2, min(len(run), i + LONGEST_GRAM) + 1):
                if pairs[run[j - 2 : j]] < least:
                    break
                if run[j - 1] in _EDGES:
                    continue
                gram = run[i:j]
                counts[gram] += 1
                first.setdefault(gram, at + i)
                before[gram][run[i - 1] if i else f"^{at}"] += 1
                after[gram][run[j] if j < len(run) else f"${end}"] += 1
    found = []
    for gram, said in counts.items():
        company = min(len(before[gram]), len(after[gram]))
        if said >= least and company >= 2:
            weight = math.log(1 + said) * math.log(1 + company) * math.log(len(gram))
            start = first[gram]
            found.append(KeyTerm(text[start : start + len(gram)], gram, weight))
    return found


def _words(text: str, folded: str, language: str, least: int) -> list[KeyTerm]:
    """Words and pairs of words that no grammar is made of."""
    said: Counter[str] = Counter()
    first: dict[str, tuple[int, int]] = {}
    sentences = max(1, len(re.findall(r"[.!?\n]+", folded)))
    previous: tuple[str, int, int] | None = None
    for run, start, end, unspaced in runs(folded):
        fits = not unspaced and len(run) > 3 and not _DIGIT.search(run) and run not in _GRAMMAR
        if not fits:
            previous = None
            continue
        key = stem(run, language)
        said[key] += 1
        first.setdefault(key, (start, end))
        if previous is not None and folded[previous[2] : start] == " ":
            pair = f"{previous[0]} {key}"
            said[pair] += 1
            first.setdefault(pair, (previous[1], end))
        previous = (key, start, end)
    found = []
    for key, times in said.items():
        if times < least or (sentences > 12 and times > COMMON * sentences and " " not in key):
            continue
        start, end = first[key]
        weight = math.log(1 + times) ** 2 * (1.3 if " " in key else 0.9)
        found.append(KeyTerm(text[start:end], plain(folded[start:end]), weight))
    return found
