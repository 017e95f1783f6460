"""An answer as it is being made: verified pieces of text, each with what it cites.

Passages come in verified against the stored text (``verified``), so every span inside one is word for word in
its revision. Nothing leaves here that is not supported by such a span.
"""

import hashlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from search.engine.port import PassageHit
from search.passages.evidence import best_sentences, supported
from search.passages.hits import EditionLink
from search.passages.places import locator_at
from service.answering.model import Model, ModelUsage
from service.answering.phrases import EXTRACTS, Language
from service.answering.prompt import NO_ANSWER, build_prompt
from service.answering.receipts import Span
from service.answering.sentences import Sentence, SentenceReader
from service.answering.support import find_support


@dataclass(frozen=True, slots=True)
class Citation:
    """A span of a revision, ``[start, end)`` in code points; ``sha256`` is hex, of the quote's UTF-8.

    ``marker`` is what stands in brackets in the answer's text. ``superseded_by`` is the newest edition of the
    same work that the asker could open when this was given.
    """

    marker: str
    knowledge_base_id: UUID
    document_id: UUID
    revision_id: UUID
    title: str
    locator: dict[str, Any]
    start: int
    end: int
    quote: str
    sha256: str
    superseded_by: EditionLink | None = None

    @property
    def span(self) -> Span:
        return Span(self.revision_id, self.start, self.end, self.sha256)


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that may be handed over, and the citations that appear in it for the first time."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(slots=True)
class Draft:
    """What came of it so far; complete once the pieces have ended. No citations: a refusal."""

    citations: list[Citation] = field(default_factory=list)
    usage: ModelUsage | None = None


def sha256_of(text: str) -> str:
    """SHA-256 of the text's UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def verified(hits: Sequence[PassageHit], stored: Sequence[str]) -> list[PassageHit]:
    """The hits whose text is word for word what is stored at their span; ``stored`` is in their order."""
    return [hit for hit, text in zip(hits, stored, strict=True) if hit.text == text and text.strip()]


def extract(
    draft: Draft, question: str, hits: Sequence[PassageHit], *, language: Language, limit: int
) -> Iterator[Piece]:
    """Without a model: the best sentences, word for word; nothing when the passages do not support any."""
    if not supported(question, hits):
        return
    lead = EXTRACTS[language] + "\n\n"
    for evidence in best_sentences(question, hits, limit=limit):
        start, end = evidence.start - evidence.hit.start, evidence.end - evidence.hit.start
        if not 0 <= start < end <= len(evidence.hit.text):
            continue
        citation, new = _cite(draft, evidence.hit, start, end)
        if not new:
            continue
        yield Piece(f"{lead}{citation.quote} [{citation.marker}]", (citation,))
        lead = "\n\n"


async def generate(
    draft: Draft, question: str, hits: Sequence[PassageHit], *, model: Model, earlier: str | None
) -> AsyncGenerator[Piece, None]:
    """With a model: its supported sentences, with markers renumbered in order of appearance.

    Raises ``ModelUnavailable``, also after some pieces.
    """
    if not hits:
        return
    reader = SentenceReader()
    started = False
    async with model.reply(build_prompt(question, hits, earlier=earlier)) as events:
        async for event in events:
            if isinstance(event, ModelUsage):
                draft.usage = event
                continue
            for sentence in reader.feed(event):
                if (piece := _checked(draft, sentence, hits, first=not started)) is not None:
                    started = True
                    yield piece
    for sentence in reader.close():
        if (piece := _checked(draft, sentence, hits, first=not started)) is not None:
            started = True
            yield piece


def _checked(draft: Draft, sentence: Sentence, hits: Sequence[PassageHit], *, first: bool) -> Piece | None:
    """The sentence with its verified markers, or ``None`` when nothing it names supports it."""
    named = [(n - 1, hits[n - 1].text) for n in sentence.markers if 1 <= n <= len(hits)]
    if not named or NO_ANSWER in sentence.text:
        return None
    markers: list[str] = []
    fresh: list[Citation] = []
    for quote in find_support(sentence.text, named):
        citation, new = _cite(draft, hits[quote.passage], quote.start, quote.end)
        if new:
            fresh.append(citation)
        if citation.marker not in markers:
            markers.append(citation.marker)
    if not markers:
        return None
    gap = "" if first else sentence.gap
    return Piece(gap + sentence.text + "".join(f"[{marker}]" for marker in markers), tuple(fresh))


def _cite(draft: Draft, hit: PassageHit, start: int, end: int) -> tuple[Citation, bool]:
    """The citation of ``hit.text[start:end]``, and whether it is a new one."""
    at = (hit.revision_id, hit.start + start, hit.start + end)
    for known in draft.citations:
        if (known.revision_id, known.start, known.end) == at:
            return known, False
    quote = hit.text[start:end]
    citation = Citation(
        marker=str(len(draft.citations) + 1),
        knowledge_base_id=hit.knowledge_base_id,
        document_id=hit.document_id,
        revision_id=hit.revision_id,
        title=hit.title,
        locator=locator_at(hit.locator, at[1]),
        start=at[1],
        end=at[2],
        quote=quote,
        sha256=sha256_of(quote),
        superseded_by=hit.superseded_by,
    )
    draft.citations.append(citation)
    return citation, True
