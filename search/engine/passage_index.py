"""One tantivy index of passages, in one folder: its schema, its documents, its questions.

Each term is stored as presence only. Candidates are drawn with constant weights that the caller brings:
tantivy's own statistics count deleted text until it is merged away, so none of them takes part. Weights are
whole numbers, which sum exactly in any order: how an index came about, segment by segment, cannot show in a
score."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import tantivy

from search.engine.analysed import TONGUES, Analysed, Kept, Stored, kept, ways
from search.engine.shelf import Shelf
from search.mistyping import near

MEMORY = 48_000_000


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("head", tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field("document", tokenizer_name="raw", index_option="basic")
    builder.add_float_field("order", fast=True)
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


SCHEMA = _schema()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Stored).decode
_SHELF = Shelf[Kept](4096)  # some 5 KB each, of words 15
_SERIALS = count()  # an index's number, never given again: what was read of one shows in no other
COUNTED = 100_000  # how many terms an index remembers the frequency of

Found = tuple[float, Any]
"""A candidate, not yet read: its weight and where it lies."""

Clause = tuple[str, Any]
"""One of the parts that candidates are drawn by: what an index must hold for it to draw any (empty where that
is not known), and the part."""


def document(passage: Analysed) -> Any:
    """The tantivy document of one passage."""
    made = tantivy.Document()
    made.add_text("body", " ".join(passage.body))
    made.add_text("head", " ".join(passage.head))
    made.add_text("document", str(passage.stored.document_id))
    made.add_float("order", passage.order)
    made.add_bytes("stored", _encode(passage.stored))
    return made


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
        self._serial = next(_SERIALS)
        self._tongues: list[int] | None = None
        self._frequencies: dict[str, int] = {}
        self._begun: dict[str, list[str]] = {}

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

    def held(self, document_ids: Iterable[UUID]) -> list[UUID]:
        """Those of which passages lie in the index, taken away or not."""
        return [id for id in document_ids if self._searcher.doc_freq("document", str(id))]

    def counts(
        self, terms: Sequence[str], excluded: Collection[UUID], *, deleted: bool
    ) -> tuple[int, list[int]]:
        """How many live passages there are, and how many hold each term. `deleted` says that deleted text
        may still be in the folder, so that postings must be walked instead of looked up."""
        searcher = self._searcher
        if not deleted and not excluded:
            return int(searcher.num_docs), self._looked_up(terms)

        def matching(query: Any) -> int:
            found = searcher.search(_without(query, excluded), 1, count=True)
            return int(found.count)

        return matching(tantivy.Query.all_query()), [matching(_term("body", term)) for term in terms]

    def _looked_up(self, terms: Sequence[str]) -> list[int]:
        known, look = self._frequencies, self._searcher.doc_freq
        if len(known) > COUNTED:
            known = self._frequencies = {}
        found = []
        for term in terms:
            if (frequency := known.get(term)) is None:
                known[term] = frequency = look("body", term)
            found.append(frequency)
        return found

    def near(self, words: Iterable[str]) -> set[str]:
        """The words that these may have been meant as, live or not: to be counted before they are taken."""
        return {found for word in words for found in near(word, self._begun_with(word[0]))}

    def _begun_with(self, letter: str) -> list[str]:
        """All terms of this first letter, kept where the index is small."""
        if (known := self._begun.get(letter)) is None:
            known = [term for term, _ in self._searcher.terms_with_prefix("body", letter)]
            if len(known) + sum(map(len, self._begun.values())) < COUNTED:
                self._begun[letter] = known
        return known

    def tongues(self, excluded: Collection[UUID], *, deleted: bool) -> list[int]:
        """How many live passages have words of each language of `TONGUES`."""
        if excluded or deleted:
            return self.counts(TONGUES, excluded, deleted=deleted)[1]
        if self._tongues is None:
            self._tongues = self.counts(TONGUES, excluded, deleted=deleted)[1]
        return self._tongues

    def candidates(
        self, clauses: Sequence[Clause], held: Collection[str], excluded: Collection[UUID], limit: int
    ) -> list[Found]:
        """The passages of the highest summed weight, and every one that ties with the last of them. `held`
        are the terms that any passage here has in its text."""
        parts = [part for term, part in clauses if not term or term in held]
        if not parts:
            return []
        query = _without(tantivy.Query.boolean_query(parts), excluded)
        wanted = limit + 1
        while True:
            hits: list[Found] = self._searcher.search(
                query, wanted, count=False, weight_by_field="order"
            ).hits
            if len(hits) < wanted:
                return hits
            if hits[-1][0] < (least := hits[limit - 1][0]):
                return [hit for hit in hits if hit[0] >= least]
            wanted *= 2

    def read(self, knowledge_base_id: UUID, found: Found) -> Kept:
        """What was found, which is this knowledge base's."""
        address = found[1]
        key = (self._serial, address.segment_ord, address.doc)

        def load() -> Kept:
            return kept(knowledge_base_id, _decode(self._searcher.doc(address).get_first("stored")))

        return _SHELF.get(key, load)


def clauses(weights: Mapping[str, float]) -> list[Clause]:
    """What draws candidates by these weights: made once, asked of every index in scope."""
    return [clause for term, weight in weights.items() for clause in _clauses(term, weight)]


@lru_cache(maxsize=4096)  # a term weighs the same in each question to the same scope
def _clauses(term: str, weight: float) -> tuple[Clause, ...]:
    should, constant = tantivy.Occur.Should, tantivy.Query.const_score_query
    return tuple(
        (term if field == "body" else "", (should, constant(_term(field, text), float(whole))))
        for field, text, whole in ways(term, weight)
    )


def _term(field: str, text: str) -> Any:
    return tantivy.Query.term_query(SCHEMA, field, text, "basic")


def _without(query: Any, excluded: Collection[UUID]) -> Any:
    if not excluded:
        return query
    gone = tantivy.Query.term_set_query(SCHEMA, "document", [str(document_id) for document_id in excluded])
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.MustNot, gone)])
