"""Words that mean the same on the square, in both directions.

A list is text: one group a line, its terms parted by commas (`,` or `，`), `#` begins a comment. Traditional
and simplified characters, widths and capitals need no entry: folding makes them one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search.languages import plain
from search.text import fold, runs, stem

BUILT_IN = """
人工智能, ai, artificial intelligence
机器学习, machine learning
大模型, 大语言模型, llm, large language model
编程, 程序设计, programming, coding
软件开发, software development
前端, frontend, front end
后端, backend, back end
数据库, database
数据分析, data analysis, data analytics
法律, 法规, law
合同, 契约, contract
税务, 税收, tax
投资, 理财, investing, investment
创业, startup, entrepreneurship
市场营销, 营销, marketing
心理学, psychology
英语, 英文, english
日语, 日文, japanese
烹饪, 做菜, 烹调, cooking
健身, fitness
摄影, photography
教程, 课程, tutorial, course
"""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A term of a group: as it is looked for in a query, and the tokens that stand for it in a card."""

    folded: str
    tokens: tuple[str, ...]


class Synonyms:
    """Groups of terms of one meaning."""

    def __init__(self, groups: Sequence[Sequence[Phrase]]) -> None:
        self.groups = groups
        self._of = {phrase.folded: group for group in groups for phrase in group}
        asked = sorted(self._of, key=len, reverse=True)
        self._asked = re.compile("|".join(map(_whole, asked))) if asked else None

    @classmethod
    def read(cls, text: str) -> Synonyms:
        """Raises `ValueError` naming the line that holds fewer than two terms, or one twice told."""
        groups: list[list[Phrase]] = []
        seen: set[str] = set()
        for number, line in enumerate(text.splitlines(), 1):
            terms = [" ".join(fold(term).split()) for term in re.split("[,，]", line.partition("#")[0])]
            if not any(terms):
                continue
            group = [Phrase(term, tokens) for term in dict.fromkeys(terms) if (tokens := _tokens(term))]
            if len(group) < 2:
                raise ValueError(f"line {number}: a group of synonyms needs two terms")
            if twice := seen & {phrase.folded for phrase in group}:
                raise ValueError(f"line {number}: {min(twice)} is in two groups")
            seen |= {phrase.folded for phrase in group}
            groups.append(group)
        return cls(groups)

    def within(self, folded: str) -> Iterator[tuple[int, int, tuple[tuple[str, ...], ...]]]:
        """(start, end, the tokens of each other term of its group) for each term in a folded query."""
        for match in self._asked.finditer(folded) if self._asked else ():
            group = self._of[" ".join(match[0].split())]
            others = [p.tokens for p in group if p.folded != " ".join(match[0].split())]
            yield match.start(), match.end(), tuple(others)


def _whole(folded: str) -> str:
    """The term as a pattern that does not begin or end within a Latin word."""
    pattern = r"\s+".join(map(re.escape, folded.split()))
    before = r"(?<![0-9a-z])" if folded[0].isascii() else ""
    return before + pattern + (r"(?![0-9a-z])" if folded[-1].isascii() else "")


def _tokens(folded: str) -> tuple[str, ...]:
    found: list[str] = []
    for run, _, _, unspaced in runs(folded):
        if unspaced:
            found += [run[i : i + 2] for i in range(len(run) - 1)] or [run]
        else:
            found.append(f"~{stem(run, 'en')}" if not run.isdigit() else plain(run))
    return tuple(dict.fromkeys(found))
