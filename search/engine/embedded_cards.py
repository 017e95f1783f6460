"""The card engine of one machine: one tantivy index of the square's cards.

Scores are sums of whole-number weights (field, rarity, kind of match). The rarities that the first page
was scored by travel in its position, so a card that did not change keeps its place between two pages
while others come and go."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import tantivy

from search.engine.folders import Signature, new_build, point, read_current, remove_others, write_lock
from search.engine.port import Card, CardHit, CardPage, CardQuery, EngineUnavailable, Refused
from search.square import weighing
from search.square.cards import USUAL, Wanted, highlights
from search.square.indexed import (
    FACET_VALUES,
    FACETS,
    WEIGHTS,
    facets_of,
    filters_of,
    folded_of,
    new_key,
    no_facets,
    popular_key,
    terms_of,
)
from search.square.synonyms import Synonyms
from search.square.weighing import Position, Way, Weighed

MEMORY = 16_000_000
T = TypeVar("T")


def _schema() -> Any:
    builder = tantivy.SchemaBuilder()
    for name in WEIGHTS:
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    for name in FACETS:
        builder.add_text_field(f"by_{name}", tokenizer_name="raw", index_option="basic")
        builder.add_text_field(f"facet_{name}", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic")
    for name in ("new", "popular"):
        builder.add_unsigned_field(name, indexed=True, fast=True)
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


SCHEMA = _schema()
_decode = msgspec.msgpack.Decoder(Card).decode


class EmbeddedCardEngine:
    """`CardEngine` on tantivy. Highlights are escaped HTML with `<em>`."""

    def __init__(self, root: Path, *, synonyms: Synonyms = USUAL) -> None:
        self._root = root
        self._synonyms = synonyms
        self._lock = Lock()
        self._open: tuple[Signature, str, Any, Any] | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def put(self, cards: Sequence[Card]) -> list[Refused]:
        async with write_lock(self._root / ".lock"):
            await self._run(self._write, cards, [card.id for card in cards])
        return []

    async def remove(self, ids: Sequence[UUID]) -> None:
        async with write_lock(self._root / ".lock"):
            await self._run(self._write, (), ids)

    async def rebuild(self, cards: Iterable[Card]) -> list[Refused]:
        async with write_lock(self._root / ".lock"):
            await self._run(self._rebuild, cards)
        return []

    async def search(self, query: CardQuery) -> CardPage:
        """As `CardEngine.search`."""
        return await self._run(self._search, query)

    async def close(self) -> None:
        with self._lock:
            self._open = None
            threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)

    # -- writing

    def _write(self, cards: Sequence[Card], ids: Sequence[UUID]) -> None:
        read = read_current(self._root)
        if read is None:
            self._rebuild(cards)
            return
        index = tantivy.Index.open(str(self._root / read[1].build))
        writer = index.writer(MEMORY, 1)
        for card_id in ids:
            writer.delete_documents_by_term("id", str(card_id))
        _commit(writer, cards)
        point(self._root, read[1].build)

    def _rebuild(self, cards: Iterable[Card]) -> None:
        build = new_build()
        path = self._root / build
        path.mkdir(parents=True)
        try:
            _commit(tantivy.Index(SCHEMA, str(path), reuse=False).writer(MEMORY, 1), cards)
            point(self._root, build)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        remove_others(self._root, build)

    # -- reading

    def _searcher(self) -> Any | None:
        for _ in range(5):  # a build may be swapped away between reading `current` and opening it
            read = read_current(self._root)
            if read is None:
                return None
            signature, current = read
            with self._lock:
                known = self._open
            if known is not None and known[0] == signature:
                return known[3]
            try:
                same = known is not None and known[1] == current.build
                index = known[2] if known and same else tantivy.Index.open(str(self._root / current.build))
                index.config_reader("Manual", 1)
                index.reload()
                searcher = index.searcher()
            except (ValueError, OSError):
                continue
            with self._lock:
                self._open = (signature, current.build, index, searcher)
            return searcher
        raise EngineUnavailable("the index of the square cannot be opened")

    def _search(self, query: CardQuery) -> CardPage:
        asked = weighing.asked_of(query, self._synonyms)
        position = weighing.position_of(query, asked)
        searcher = self._searcher()
        if searcher is None or asked.silent:
            return CardPage([], no_facets(), 0, None)
        now = position.now if position else query.now and query.now.replace(microsecond=0)
        rarities = position.rarities if position else _rarities(searcher, asked.wanted)
        weighed = weighing.weighed(asked.wanted, rarities, now)
        filters = [_term(f"by_{name}", value) for name, value in filters_of(query).items()]
        matching = _all([*filters, _matching(weighed)] if asked.wanted else filters)
        facets, total = _facets(searcher, matching)
        if asked.sort == "relevance":
            entries = _by_score(searcher, _lifted(matching, weighed), query.limit, position, total)
        else:
            entries = _by_key(searcher, matching, asked.sort, query.limit, position)
        page, more = entries[: query.limit], len(entries) > query.limit
        hits = []
        for score, _, address in page:
            card = _decode(searcher.doc(address).get_first("stored"))
            hits.append(CardHit(card.id, float(score), highlights(card, asked.wanted)))
        following = weighing.position(asked.sort, *page[-1][:2], rarities, now) if more else None
        return CardPage(hits, facets, total, following)

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(2, thread_name_prefix="cards")
            threads = self._threads
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)
        except OSError as error:
            raise EngineUnavailable("the index of the square cannot be read or written") from error


def _commit(writer: Any, cards: Iterable[Card]) -> None:
    for card in cards:
        writer.add_document(_document(card))
    writer.commit()
    writer.wait_merging_threads()


def _document(card: Card) -> Any:
    made = tantivy.Document()
    for name, terms in terms_of(card).items():
        made.add_text(name, " ".join(terms))
    for name, values in facets_of(card).items():
        for value in values:
            made.add_text(f"facet_{name}", value)
    for name, values in folded_of(card).items():
        for value in values:
            made.add_text(f"by_{name}", value)
    made.add_text("id", str(card.id))
    made.add_unsigned("new", new_key(card))
    made.add_unsigned("popular", popular_key(card))
    made.add_bytes("stored", msgspec.msgpack.encode(card))
    return made


def _rarities(searcher: Any, wanted: Sequence[Wanted]) -> list[int]:
    """Counted by searching: tantivy's own counts hold cards that were taken away until a merge."""

    def holding(field: str, token: str) -> int:
        return int(searcher.search(_term(field, token), 1, count=True).count)

    cards = int(searcher.num_docs)
    return [weighing.rarity(cards, max(holding(name, w.forms[0]) for name in WEIGHTS)) for w in wanted]


def _matching(weighed: Weighed) -> Any:
    parts = []
    for fields in weighed.parts:
        best = [
            (tantivy.Occur.Should, tantivy.Query.disjunction_max_query(list(map(_way, f)))) for f in fields
        ]
        parts.append((tantivy.Occur.Should, tantivy.Query.boolean_query(best)))
    return tantivy.Query.boolean_query(parts, minimum_number_should_match=weighed.least)


def _way(way: Way) -> Any:
    if way.kind == "terms":
        found = _all([_term(way.field, token) for token in way.tokens])
    else:
        found = tantivy.Query.fuzzy_term_query(
            SCHEMA, way.field, way.tokens[0], way.slack, True, way.kind == "begins"
        )
    return tantivy.Query.const_score_query(found, float(way.weight))


def _lifted(matching: Any, weighed: Weighed) -> Any:
    parts = [(tantivy.Occur.Must, matching)]
    for lift in weighed.lifts:
        reached = tantivy.Query.range_query(
            SCHEMA, lift.key, tantivy.FieldType.Unsigned, lower_bound=lift.least
        )
        parts.append((tantivy.Occur.Should, tantivy.Query.const_score_query(reached, float(lift.weight))))
    return tantivy.Query.boolean_query(parts)


def _facets(searcher: Any, matching: Any) -> tuple[dict[str, dict[str, int]], int]:
    asked = {n: {"terms": {"field": f"facet_{n}", "size": FACET_VALUES}} for n in FACETS}
    counted = searcher.aggregate(matching, asked)
    facets = {
        name: {bucket["key"]: int(bucket["doc_count"]) for bucket in counted[name]["buckets"]}
        for name in FACETS
    }
    return facets, int(searcher.search(matching, 1, count=True).count)


def _by_score(
    searcher: Any, matching: Any, limit: int, position: Position | None, total: int
) -> list[tuple[float, int, Any]]:
    """Scores, then popularity, then the key's own grain: the order in full, from the position on."""
    after = (-position.score, -position.key) if position else None
    reach = max(limit * 4, 64)
    while True:
        hits = searcher.search(matching, reach, count=False).hits
        keys = searcher.fast_field_values("popular", [address for _, address in hits])
        entries = sorted(
            ((score, key, address) for (score, address), key in zip(hits, keys, strict=True)),
            key=lambda entry: (-entry[0], -entry[1]),
        )
        if len(hits) == reach < total:  # the last score may be cut in the middle of a tie
            entries = [entry for entry in entries if entry[0] > hits[-1][0]]
        entries = [e for e in entries if after is None or (-e[0], -e[1]) > after]
        if len(entries) > limit or len(hits) < reach or reach >= total:
            return entries
        reach *= 4


def _by_key(
    searcher: Any, matching: Any, sort: str, limit: int, position: Position | None
) -> list[tuple[float, int, Any]]:
    if position:
        below = tantivy.Query.range_query(
            SCHEMA, sort, tantivy.FieldType.Unsigned, upper_bound=position.key, include_upper=False
        )
        matching = _all([matching, below])
    found = searcher.search(matching, limit + 1, count=False, order_by_field=sort).hits
    return [(0.0, int(key), address) for key, address in found]


def _term(field: str, text: str) -> Any:
    return tantivy.Query.term_query(SCHEMA, field, text, "basic")


def _all(queries: Sequence[Any]) -> Any:
    if not queries:
        return tantivy.Query.all_query()
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries])
