"""What a creator is suggested for a knowledge base's face, drawn from its texts word for word.

Every suggestion names the spans it stands on. Sentences are of free text wherever there is any, since what is
applied is read by everybody; what stands on paid text says so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from uuid import UUID

from search.text import fold
from service.knowledge.documents import Tier
from service.knowledge.outlining.nodes import Node, shown
from service.knowledge.outlining.terms import KeyTerm, key_terms

TAGLINE_CHARACTERS = 100
SUMMARY_SENTENCES = 3
TAGS = 8
TITLE_TERMS = 2
TERMS = 24
TOPIC_CHARACTERS = 30

_NUMBERING = re.compile(
    r"^(?:第\s*[\d一二三四五六七八九十百零〇]{1,5}\s*[章节節编編条條部篇讲講课課]\s*|\d{1,2}[、.)）]\s*(?!\d)"
    r"|\d{1,2}(?:\.\d{1,2})+\s+|[一二三四五六七八九十]{1,3}[、.]\s*|(?:chapter|part|section)\s+[\divx]+[:.]?\s+)",
    re.IGNORECASE,
)
_GENERAL = """
总则 總則 附则 附則 分则 分則 前言 引言 目录 目錄 序言 绪论 结论 結論 总结 總結 附录 附錄 其他 其它 后记 後記
introduction preface contents overview conclusion summary appendix notes references index readme
"""
_SAYS_NOTHING = frozenset(_GENERAL.split())


@dataclass(frozen=True, slots=True)
class Source:
    """A span ``[start, end)`` of a revision, in code points; ``tier`` is its document's."""

    document_id: UUID
    revision_id: UUID
    start: int
    end: int
    tier: Tier


@dataclass(frozen=True, slots=True)
class Suggested:
    """A value and what it stands on. ``free``: no paid text is among that."""

    value: str
    sources: list[Source]
    free: bool


@dataclass(frozen=True, slots=True)
class SuggestedQuestion:
    """A question and the spans of its answer. ``free_answer``: the free texts alone answer it, and hold all
    that it names."""

    question: str
    sources: list[Source]
    free_answer: bool


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``None`` or empty where the texts give nothing."""

    title: Suggested | None = None
    tagline: Suggested | None = None
    summary: Suggested | None = None
    category: Suggested | None = None
    tags: list[Suggested] = field(default_factory=list)
    sample_questions: list[SuggestedQuestion] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Text:
    """The beginning of a document's current revision."""

    document_id: UUID
    revision_id: UUID
    tier: Tier
    title: str
    text: str

    def source(self, start: int, end: int) -> Source:
        return Source(self.document_id, self.revision_id, start, end, self.tier)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A key sentence, whole, and where it stands."""

    text: str
    source: Source


@dataclass(frozen=True, slots=True)
class Material:
    """What a suggestion is made of. ``categories`` are those on the square, each with its cards' tags."""

    language: str
    category: str
    texts: list[Text]
    sentences: list[Sentence]
    nodes: list[Node]
    categories: Mapping[str, frozenset[str]]


def suggest(material: Material) -> Suggestion:
    """All but sample questions, which must be tried first; for a thread of its own."""
    terms = _terms(material)
    tags = [suggested for term in terms[:TAGS] if (suggested := _tag(material.texts, term)) is not None]
    return Suggestion(
        title=_title(material, tags),
        tagline=_tagline(material.sentences),
        summary=_summary(material),
        category=_category(material, terms, tags),
        tags=tags,
    )


def topics(material: Material, *, most: int) -> list[tuple[str, str]]:
    """What may be asked about, each with a text that it is of: headings of each document in turn, then
    titles, then key terms."""
    texts = {text.document_id: text for text in material.texts}
    by_document = [
        [(topic, text) for node in _headings(root) if (topic := _topic(node.title))]
        for root in material.nodes
        if (text := texts.get(root.document_id)) is not None
    ]
    found = [pair for row in zip_longest(*by_document) for pair in row if pair is not None]
    found += [(topic, text) for text in material.texts if (topic := _topic(text.title))]
    for term in _terms(material):
        if (place := _place(material.texts, term.text)) is not None:
            found.append((term.text, place[0]))
    named: dict[str, tuple[str, str]] = {}
    for topic, text in found:
        named.setdefault(fold(topic), (topic, text.text))
    return list(named.values())[:most]


def _headings(root: Node) -> Iterator[Node]:
    for node in root.children:
        if node.kind in {"heading", "topic"}:
            yield node
            yield from (child for child in node.children if child.kind in {"heading", "topic"})


def _topic(title: str) -> str:
    """A heading without its number, if something may be asked about it."""
    topic = _NUMBERING.sub("", shown(title)).strip(" :：?？。.-—")
    fits = 2 <= len(topic) <= TOPIC_CHARACTERS and not topic.endswith("…")
    says = any(c.isalpha() for c in topic) and topic.lower() not in _SAYS_NOTHING
    return topic if fits and says else ""


def _plain(sentence: Sentence) -> str:
    """The sentence without markup or the number of its article."""
    return _NUMBERING.sub("", shown(sentence.text, 10_000))


def _terms(material: Material) -> list[KeyTerm]:
    joined = "\n\n".join(text.text for text in material.texts)
    return key_terms(joined, material.language, most=TERMS)


def _place(texts: Sequence[Text], term: str) -> tuple[Text, Source] | None:
    """Where a term stands, in free text rather than in paid."""
    wanted = fold(term)
    for text in sorted(texts, key=lambda text: text.tier != "free"):
        if (at := fold(text.text).find(wanted)) >= 0:
            return text, text.source(at, at + len(term))
    return None


def _tag(texts: Sequence[Text], term: KeyTerm) -> Suggested | None:
    place = _place(texts, term.text)
    return None if place is None else of_sources(term.text[:50], [place[1]])


def _title(material: Material, tags: Sequence[Suggested]) -> Suggested | None:
    if len(material.texts) == 1 or not tags:
        if not material.texts:
            return None
        (first, *_) = material.texts
        return of_sources(shown(first.title), [first.source(0, len(first.text))])
    named = tags[:TITLE_TERMS]
    return of_sources(" · ".join(tag.value for tag in named), [one for tag in named for one in tag.sources])


def _tagline(sentences: Sequence[Sentence]) -> Suggested | None:
    fitting = [one for one in sentences if len(_plain(one)) <= TAGLINE_CHARACTERS]
    return of_sources(_plain(fitting[0]), [fitting[0].source]) if fitting else None


def _summary(material: Material) -> Suggested | None:
    chosen = material.sentences[:SUMMARY_SENTENCES]
    if not chosen:
        return None
    gap = "" if all(one.text.rstrip().endswith(("。", "！", "？", "；")) for one in chosen) else " "
    return of_sources(gap.join(_plain(one) for one in chosen), [one.source for one in chosen])


def _category(material: Material, terms: Sequence[KeyTerm], tags: Sequence[Suggested]) -> Suggested | None:
    """The category of the square that shares most with the key terms; else the one there is; else a term."""
    weights = {fold(term.text): term.weight for term in terms}

    def shared(name: str) -> float:
        known = {fold(name), *(fold(tag) for tag in material.categories[name])}
        return sum(weight for term, weight in weights.items() if term in known)

    best = max(sorted(material.categories), key=shared, default=None)
    if best is not None and shared(best) > 0:
        known = {fold(best), *(fold(tag) for tag in material.categories[best])}
        return of_sources(best, [one for tag in tags if fold(tag.value) in known for one in tag.sources])
    if material.category:
        return Suggested(material.category, [], free=True)
    return of_sources(tags[0].value, tags[0].sources) if tags else None


def of_sources(value: str, sources: list[Source]) -> Suggested:
    """The value, free if each of its sources is."""
    return Suggested(value, sources, free=all(source.tier == "free" for source in sources))
