"""Topics of a text without headings: its key terms, gathered by the sentences that say them together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from service.knowledge.outlining.nodes import shown
from service.knowledge.outlining.sentences import Sentence, best, rank
from service.knowledge.outlining.terms import KeyTerm, key_terms

TERMS = 24
TOPICS = 7
POINTS = 3
"""Of a topic, besides the sentence it is named by."""
FEW = 8
"""Sentences, below which a text is one topic, and has none."""
TOGETHER = 0.4
"""The share of the rarer term's sentences that say the other too, from which on they are one topic."""


@dataclass(frozen=True, slots=True)
class Topic:
    """``title`` is made of terms that the first of ``points`` says; the others are key sentences of it."""

    title: str
    points: list[Sentence]


@dataclass(slots=True)
class _Cluster:
    terms: list[KeyTerm]
    said_in: set[int] = field(default_factory=set)


def topics_of(text: str, folded: str, said: Sequence[Sentence], language: str) -> list[Topic]:
    """At most ``TOPICS``, in the order of the text; each sentence belongs to one topic or to none."""
    if len(said) < FEW:
        return [Topic(shown(text[s.start : s.end]), [s]) for s in _chosen(said, POINTS)]
    clusters = _clusters(folded, said, key_terms(text, language, most=TERMS))
    home: dict[int, int] = {}
    for place, sentence in enumerate(said):
        weights = [
            sum(term.weight for term in cluster.terms if term.folded in folded[sentence.start : sentence.end])
            for cluster in clusters
        ]
        if weights and max(weights) > 0:
            home[place] = weights.index(max(weights))
    topics = []
    for number, cluster in enumerate(clusters):
        own = [said[place] for place, where in home.items() if where == number]
        named = [s for s in own if cluster.terms[0].folded in folded[s.start : s.end]]
        if not named:
            continue
        lead = named[max(range(len(named)), key=rank(named).__getitem__)]
        words = [term.text for term in cluster.terms if term.folded in folded[lead.start : lead.end]]
        others = [sentence for sentence in _chosen(own, POINTS + 1) if sentence is not lead][:POINTS]
        topics.append(Topic(shown(" · ".join(words[:3])), [lead, *sorted(others, key=lambda s: s.start)]))
    return sorted(topics, key=lambda topic: topic.points[0].start)


def _clusters(folded: str, said: Sequence[Sentence], terms: Sequence[KeyTerm]) -> list[_Cluster]:
    clusters: list[_Cluster] = []
    for term in terms:
        where = {n for n, s in enumerate(said) if term.folded in folded[s.start : s.end]}
        if not where:
            continue
        near = [c for c in clusters if len(c.said_in & where) >= TOGETHER * min(len(c.said_in), len(where))]
        if near:
            near[0].terms.append(term)
            near[0].said_in |= where
        elif len(clusters) < TOPICS:
            clusters.append(_Cluster([term], where))
    return clusters


def _chosen(said: Sequence[Sentence], most: int) -> list[Sentence]:
    chosen = best([sentence.vector for sentence in said], rank(said), most)
    return sorted((said[index] for index in chosen), key=lambda sentence: sentence.start)
