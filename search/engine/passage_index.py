"""One tantivy index of passages, in one folder: its schema, its documents, its questions.

Each term is stored as presence only, with a second and third mark for terms that repeat. Candidates are
drawn with constant weights that the caller brings: tantivy's own statistics count deleted text until it
is merged away, so none of them takes part. Weights are whole numbers, which sum exactly in any order:
how an index came about, segment by segment, cannot show in a score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID
from zlib import crc32

import msgspec
import tantivy

from search.engine.port import IndexDocument
from search.passages.cutting import Passage
from search.text import articles, fold, language_of, tokenise

SCALE = 32  # weights are whole multiples of 1/32
HEAD, REPEATED = 0.35, 0.2
MEMORY = 48_000_000
TWICE, OFTEN = "\u00b2", "\u00b3"


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("head", tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("document", tokenizer_name="raw", index_option="basic")
    builder.add_float_field("order", fast=True)
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


SCHEMA = _schema()


class Stored(msgspec.Struct, array_like=True, frozen=True):
    """What comes back of a passage. `folded` is empty where folding changed nothing."""

    document_id: UUID
    revision_id: UUID
    title: str
    paid: bool
    language: str
    locator: dict[str, Any]
    start: int
    end: int
    text: str
    folded: str
    words: str
    heading: str
    heading_words: str
    name: str = ""

    @property
    def key(self) -> tuple[str, int, int]:
        """The passage's id: what ties break by."""
        return str(self.document_id), self.start, self.end


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stored).decode


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate, not yet read: its weight and where it lies."""

    weight: float
    address: Any


def document(owner: IndexDocument, passage: Passage, name: str) -> Any:
    """The tantivy document of one passage; `name` is what the text calls itself besides its title."""
    path = passage.locator.get("heading_path") or []
    article = passage.locator.get("article") or ""
    heading, head, heading_words = _heading(
        "\n".join([owner.title, *([name] if name else []), *map(str, path), str(article)]),
        str(article),
        owner.language,
    )
    folded = fold(passage.text)
    grams, words = tokenise(folded, language_of(folded, owner.language))
    stored = Stored(
        owner.document_id, owner.revision_id, owner.title, owner.tier == "paid", owner.language,
        passage.locator, passage.start, passage.end, passage.text, "" if folded == passage.text else folded,
        _spaced(words), heading, heading_words, name,
    )  # fmt: skip
    return _document(stored, grams + words, head)


@lru_cache(maxsize=64)
def _heading(title: str, article: str, language: str) -> tuple[str, str, str]:
    """The heading folded, its terms, and its words between spaces."""
    heading = fold(title)
    grams, words = tokenise(heading, language_of(heading, language))
    words += (key for key, _, _ in articles(fold(article)))
    return heading, " ".join({*grams, *words}), _spaced(words)


def _document(stored: Stored, body: Sequence[str], head: str) -> Any:
    counts = Counter(body)
    terms = list(counts)
    terms += [term + TWICE for term, count in counts.items() if count > 1]
    terms += [term + OFTEN for term, count in counts.items() if count > 3]
    made = tantivy.Document()
    made.add_text("body", " ".join(terms))
    made.add_text("head", head)
    made.add_text("document", str(stored.document_id))
    made.add_float("order", _order(stored, len(body)))
    made.add_bytes("stored", _encode(stored))
    return made


def _order(stored: Stored, length: int) -> float:
    """Multiplies a weight by log2(2 + order): a shorter passage counts a little more, and a grain of its
    id parts passages that are otherwise alike."""
    grain = crc32(f"{stored.document_id}{stored.start}".encode()) / 2**32
    return 0.6 / (1 + length / 600) + grain * 1e-4


def _spaced(words: Sequence[str]) -> str:
    """The words, each between spaces of its own."""
    return f" {'  '.join(words)} " if words else ""


class Writing:
    """A write under way; nothing of it is seen before `commit`."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def add(self, made: Any) -> None:
        self._writer.add_document(made)

    def commit(self) -> None:
        """Durable on return."""
        self._writer.commit()
        self._writer.wait_merging_threads()


class PassageIndex:
    """One committed state of an index: what it shows never changes, so many threads may read it."""

    def __init__(self, index: Any) -> None:
        index.config_reader("Manual", 1)
        index.reload()
        self._index = index
        self._searcher = index.searcher()

    @classmethod
    def create(cls, path: Path) -> PassageIndex:
        path.mkdir(parents=True)
        return cls(tantivy.Index(SCHEMA, str(path), reuse=False))

    @classmethod
    def open(cls, path: Path) -> PassageIndex:
        return cls(tantivy.Index.open(str(path)))

    def reopened(self) -> PassageIndex:
        """The state committed last, without mapping again what did not change."""
        return PassageIndex(self._index)

    def writing(self, *, without: Iterable[UUID] = ()) -> Writing:
        """Begin to write, taking away all passages of `without` first."""
        writer = self._index.writer(MEMORY, 1)
        for document_id in without:
            writer.delete_documents_by_term("document", str(document_id))
        return Writing(writer)

    def holds(self, document_ids: Iterable[UUID]) -> bool:
        return any(self._searcher.doc_freq("document", str(document_id)) for document_id in document_ids)

    def counts(
        self, terms: Sequence[str], excluded: Collection[UUID], *, deleted: bool
    ) -> tuple[int, list[int]]:
        """How many live passages there are, and how many hold each term. `deleted` says that deleted text
        may still be in the folder, so that postings must be walked instead of looked up."""
        searcher = self._searcher
        if not deleted and not excluded:
            return int(searcher.num_docs), [searcher.doc_freq("body", term) for term in terms]

        def count(query: Any) -> int:
            found = searcher.search(_without(query, excluded), 1, count=True)
            return int(found.count)

        return count(tantivy.Query.all_query()), [count(_term("body", term)) for term in terms]

    def candidates(self, weights: Mapping[str, float], excluded: Collection[UUID], limit: int) -> list[Found]:
        """The passages of the highest summed weight, and every one that ties with the last of them."""
        parts = []
        for term, weight in weights.items():
            for field, text, share in (
                ("body", term, 1.0), ("head", term, HEAD),
                ("body", term + TWICE, REPEATED), ("body", term + OFTEN, REPEATED / 2),
            ):  # fmt: skip
                whole = round(weight * share * SCALE)
                if whole and self._searcher.doc_freq(field, text):
                    query = tantivy.Query.const_score_query(_term(field, text), float(whole))
                    parts.append((tantivy.Occur.Should, query))
        if not parts:
            return []
        query = _without(tantivy.Query.boolean_query(parts), excluded)
        wanted = limit + 1
        while True:
            hits = self._searcher.search(query, wanted, count=False, weight_by_field="order").hits
            if len(hits) < wanted or hits[-1][0] < hits[limit - 1][0]:
                return [
                    Found(weight, address)
                    for weight, address in hits
                    if weight >= hits[min(limit, len(hits)) - 1][0]
                ]
            wanted *= 2

    def read(self, found: Found) -> Stored:
        return _decode(self._searcher.doc(found.address).get_first("stored"))


def _term(field: str, text: str) -> Any:
    return tantivy.Query.term_query(SCHEMA, field, text, "basic")


def _without(query: Any, excluded: Collection[UUID]) -> Any:
    if not excluded:
        return query
    gone = tantivy.Query.term_set_query(SCHEMA, "document", [str(document_id) for document_id in excluded])
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.MustNot, gone)])
