"""One analysis of text for every engine, when indexing and when asking.

`fold` never changes the length of a text, so every offset into the folded text is an offset into the
original, and no map is needed. Offsets count Unicode code points."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from operator import add

import opencc
import snowballstemmer

from search.irregular import BASES
from search.languages import STEMMERS, guess, plain, tagged

_T2S = opencc.OpenCC("t2s")

# Scripts written without spaces: Han, kana, hangul, Thai, Lao, Khmer, Burmese. Indexed as n-grams.
UNSPACED = (
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\uac00-\ud7a3\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
# Vowel signs and accents that stand after their letter belong to its word (Hindi, Tamil, decomposed Latin).
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f"
    "\u0962-\u0963\u0981-\u0dff"
)
_RUNS = re.compile(rf"([{UNSPACED}]+)|[^\W_{UNSPACED}]+(?:[{_MARKS}]+[^\W_{UNSPACED}]*)*")
_SPACED = re.compile(rf"[^\W\d_{UNSPACED}]")  # a letter of a script that words are parted in
_SURROGATES = re.compile("[\ud800-\udfff]")
_NUMERAL = re.compile("[零〇一二两三四五六七八九十百千万]+")
_ARTICLE = re.compile(
    r"(?:第|(?<=[法典例编定]))\s*(\d{1,4}|[零〇一二两三四五六七八九十百千]+)\s*条(?:\s*之\s*(\d{1,2}|[一二三四五六七八九十]+))?"
)
# What a lone numeral must stand before to count as a number: 三年 does, 一般 does not.
_MEASURES = frozenset("年月日天周岁条元倍个次人名章编款项届级万亿%％度米吨克里小分秒季")
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}


class _Compatibility(dict[int, int]):
    """Single characters whose compatibility form is another single character: full-width letters and
    digits, circled numbers, compatibility ideographs. Forms that would change the length stay."""

    def __missing__(self, code: int) -> int:
        form = unicodedata.normalize("NFKC", chr(code)).lower()
        self[code] = folded = ord(form) if len(form) == 1 else code
        return folded


_COMPATIBILITY = _Compatibility()


def fold(text: str) -> str:
    """The text in simplified characters, half width and lower case; always as long as it came."""
    try:
        simplified = text if text.isascii() else _T2S.convert(text)
    except UnicodeEncodeError:  # lone surrogates, which no stored text holds but a question may
        return fold(_SURROGATES.sub("\ufffd", text))
    if len(simplified) != len(text):
        simplified = "".join(s if len(s := _T2S.convert(c)) == 1 else c for c in text)
    folded = simplified.lower() if text.isascii() else simplified.translate(_COMPATIBILITY)
    assert len(folded) == len(text), "folding moved offsets"
    return folded


def _number(numeral: str) -> str | None:
    """A Chinese numeral in digits (十九 → 19, 一千零七十七 → 1077), or None when it is not one."""
    if not any(c in _UNITS or c == "万" for c in numeral):
        return "".join(str(_DIGITS[c]) for c in numeral)
    total = section = digit = 0
    for c in numeral:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif c == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        else:
            section += (digit or (1 if c == "十" else 0)) * _UNITS[c]
            digit = 0
    return str(total + section + digit) if total + section + digit else None


def numbers(folded: str) -> Iterator[tuple[str, int, int]]:
    """(digits, start, end) of each Chinese numeral that counts something, so that 三年 meets 3年."""
    for match in _NUMERAL.finditer(folded):
        start, end = match.span()
        if (end - start > 1 or folded[end : end + 1] in _MEASURES) and (digits := _number(match[0])):
            yield digits, start, end


def articles(folded: str) -> Iterator[tuple[str, int, int]]:
    """(key, start, end) of each article of a statute named: 第一百八十八条 and 第188条 are `§188`,
    第133条之一 is `§133.1`. After the name of a law 第 may be left out."""
    for match in _ARTICLE.finditer(folded):
        parts = [part if part.isdecimal() else _number(part) for part in match.groups() if part]
        if all(parts):
            yield "§" + ".".join(str(int(part)) for part in parts if part), match.start(), match.end()


@lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """The Snowball stem, without accents, in English of the word that an irregular form is of; where the
    language has no stemmer, the word with its accents."""
    stemmer = _stemmer(language)
    if language == "en":
        word = BASES.get(word, word)
    return plain(stemmer.stemWord(word)) if stemmer and not word.isdigit() else word


@lru_cache(maxsize=50_000)
def forms(word: str, languages: tuple[str, ...]) -> tuple[str, ...]:
    """What a folded word is found as: without its accents, and its stem in each language, marked `~`."""
    return plain(word), *dict.fromkeys("~" + stem(word, language) for language in languages)


@lru_cache(maxsize=64)
def _stemmer(language: str) -> snowballstemmer.stemmer | None:
    name = STEMMERS.get(language)
    return snowballstemmer.stemmer(name) if name else None


def language_of(text: str, tag: str = "") -> str:
    """The language whose stems to use for the words of a folded text: that of the tag where it is known,
    else guessed; English at the last."""
    return tagged(tag) or (_SPACED.search(text) and guess(text)) or "en"


def runs(folded: str) -> Iterator[tuple[str, int, int, bool]]:
    """(run, start, end, unspaced) for each run of characters of an unspaced script, or word."""
    for match in _RUNS.finditer(folded):
        yield match[0], match.start(), match.end(), match.lastindex is not None


def tokens(text: str, language: str = "", *, folded: bool = False) -> list[str]:
    """What is indexed of a text. Unspaced scripts give unigrams and bigrams; words give their raw form
    and, marked `~`, their stem; Chinese numerals also their digits as a word. Repeats are kept."""
    source = text if folded else fold(text)
    grams, words = tokenise(source, language_of(source, language))
    return grams + words


def tokenise(folded: str, language: str) -> tuple[list[str], list[str]]:
    """The tokens of a folded text: n-grams of unspaced scripts, and words with their stems and numbers."""
    grams: list[str] = []
    words: list[str] = []
    for match in _RUNS.finditer(folded):
        run = match[0]
        if match.lastindex:
            grams += run
            grams += map(add, run, run[1:])
        else:
            words += (plain(run), "~" + stem(run, language))
    words += (digits for digits, _, _ in numbers(folded))
    return grams, words


# A sentence ends after a full stop of its script and what closes it, at a line end, or (for Chinese
# statutes, whose sentences run to a page) nowhere else: semicolons do not end sentences.
_SENTENCE_END = re.compile(r"[。！？!?…]+[”’」』）)\]\"']*|\.+[”’\"')\]]*(?=\s|$)|\n+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|No|Vol|Fig|cf|ca|Inc|Ltd|Co|Gen|Col|Lt|Rev|Mt|Jan|Feb"
    r"|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|e\.g|i\.e))\.$"
)


def split_sentences(text: str) -> list[tuple[int, int]]:
    """`[start, end)` of each sentence, without the white space around it; nothing but white space and
    line ends lies between two sentences."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if match[0][0] == "." and _ABBREVIATION.search(text, max(start, match.start() - 8), match.end()):
            continue
        _append(spans, text, start, match.end())
        start = match.end()
    _append(spans, text, start, len(text))
    return spans


def _append(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        start += len(piece) - len(piece.lstrip())
        spans.append((start, start + len(stripped)))
