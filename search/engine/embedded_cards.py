"""The card engine of one machine: one tantivy index of the square's cards.

Scores are sums of whole-number weights (field, rarity, kind of match). The rarities that the first page
was scored by travel in its position, so a card that did not change keeps its place between two pages
while others come and go."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import tantivy

from search.engine.folders import Signature, new_build, point, read_current, remove_others, write_lock
from search.engine.port import Card, CardHit, CardPage, CardQuery, EngineUnavailable
from search.square.cards import Wanted, fields_of, highlight, wanted_of
from search.text import fold, language_of, tokens

WEIGHTS = {"title": 8, "tags": 5, "creator": 4, "summary": 2}
FACETS = ("category", "tags", "language", "price")
FACET_VALUES = 100
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

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._open: tuple[Signature, str, Any, Any] | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def put(self, cards: Sequence[Card]) -> None:
        async with write_lock(self._root / ".lock"):
            await self._run(self._write, cards, [card.id for card in cards])

    async def remove(self, ids: Sequence[UUID]) -> None:
        async with write_lock(self._root / ".lock"):
            await self._run(self._write, (), ids)

    async def rebuild(self, cards: Iterable[Card]) -> None:
        async with write_lock(self._root / ".lock"):
            await self._run(self._rebuild, cards)

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
        searcher = self._searcher()
        if searcher is None:
            return CardPage([], {name: {} for name in FACETS}, 0, None)
        wanted = wanted_of(query.q) if query.q else []
        if query.q and query.q.strip() and not wanted:
            return CardPage([], {name: {} for name in FACETS}, 0, None)
        sort = query.sort if wanted or query.sort != "relevance" else "popular"
        rarities = _position(query.position, sort, len(wanted)) or _rarities(searcher, wanted)
        filters = _filters(query)
        matching = _all([*filters, _matching(wanted, rarities)] if wanted else filters)
        facets, total = _facets(searcher, matching)
        if sort == "relevance":
            entries = self._by_score(searcher, matching, query, total)
        else:
            entries = _by_key(searcher, matching, sort, query)
        page, more = entries[: query.limit], len(entries) > query.limit
        hits, following = [], None
        for score, key, address in page:
            card = _decode(searcher.doc(address).get_first("stored"))
            hits.append(CardHit(card.id, float(score), _highlights(card, wanted)))
            following = [sort, score, key, rarities] if sort == "relevance" else [sort, key, rarities]
        return CardPage(hits, facets, total, following if more else None)

    def _by_score(
        self, searcher: Any, matching: Any, query: CardQuery, total: int
    ) -> list[tuple[float, int, Any]]:
        """Scores, then popularity, then the key's own grain: the order in full, from the position on."""
        after = (-query.position[1], -query.position[2]) if query.position else None
        reach = max(query.limit * 4, 64)
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
            if len(entries) > query.limit or len(hits) < reach or reach >= total:
                return entries
            reach *= 4

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
    for name, text in fields_of(card).items():
        language = language_of(f"{card.title} {card.summary}", card.language)
        made.add_text(name, " ".join(set(tokens(text, language))))
    for name, values in _facet_values(card).items():
        for value in values:
            made.add_text(f"facet_{name}", value)
            made.add_text(f"by_{name}", fold(value))
    made.add_text("id", str(card.id))
    grain = int.from_bytes(blake2b(card.id.bytes, digest_size=4).digest())
    since = card.published_at - datetime(2000, 1, 1, tzinfo=UTC)
    seconds = max(0, int(since.total_seconds()))
    micros = max(0, seconds * 1_000_000 + since.microseconds)
    made.add_unsigned("new", min(micros, 2**51 - 1) << 12 | grain % 2**12)
    made.add_unsigned(
        "popular",
        min(max(card.popularity, 0), 2**20 - 1) << 43 | min(seconds, 2**31 - 1) << 12 | grain % 2**12,
    )
    made.add_bytes("stored", msgspec.msgpack.encode(card))
    return made


def _facet_values(card: Card) -> dict[str, Sequence[str]]:
    return {
        "category": [card.category],
        "tags": list(dict.fromkeys(card.tags)),
        "language": [card.language],
        "price": ["free" if card.free else "paid"],
    }


def _filters(query: CardQuery) -> list[Any]:
    asked = {"category": query.category, "tags": query.tag, "language": query.language, "price": query.price}
    return [_term(f"by_{name}", fold(value)) for name, value in asked.items() if value is not None]


def _rarities(searcher: Any, wanted: Sequence[Wanted]) -> list[int]:
    """How telling each part of the query is, 2..12: of the square's cards, few or many hold it."""
    cards = max(1, int(searcher.num_docs))
    counts = [max(searcher.doc_freq(name, w.forms[0]) for name in WEIGHTS) for w in wanted]
    return [max(2, min(12, round(2 * math.log(1 + cards / (count + 0.5))))) for count in counts]


def _matching(wanted: Sequence[Wanted], rarities: Sequence[int]) -> Any:
    """At least half of the parts asked for must be there, and all of them when they are one or two."""
    parts = [(tantivy.Occur.Should, _part(w, rarity)) for w, rarity in zip(wanted, rarities, strict=True)]
    least = len(parts) if len(parts) <= 2 else math.ceil(len(parts) / 2)
    return tantivy.Query.boolean_query(parts, minimum_number_should_match=least)


def _part(wanted: Wanted, rarity: int) -> Any:
    fields = []
    for name, weight in WEIGHTS.items():
        ways: list[tuple[Any, int]] = [
            (_term(name, form), 4 if i == 0 else 3) for i, form in enumerate(wanted.forms)
        ]
        word = wanted.forms[0]
        if wanted.prefix:
            ways.append((tantivy.Query.fuzzy_term_query(SCHEMA, name, word, 0, True, True), 2))
        if wanted.slack:
            ways.append((tantivy.Query.fuzzy_term_query(SCHEMA, name, word, wanted.slack, True, False), 1))
        best = [tantivy.Query.const_score_query(way, float(worth * weight * rarity)) for way, worth in ways]
        fields.append((tantivy.Occur.Should, tantivy.Query.disjunction_max_query(best)))
    return tantivy.Query.boolean_query(fields)


def _facets(searcher: Any, matching: Any) -> tuple[dict[str, dict[str, int]], int]:
    asked = {n: {"terms": {"field": f"facet_{n}", "size": FACET_VALUES}} for n in FACETS}
    counted = searcher.aggregate(matching, asked)
    facets = {
        name: {bucket["key"]: int(bucket["doc_count"]) for bucket in counted[name]["buckets"]}
        for name in FACETS
    }
    return facets, int(searcher.search(matching, 1, count=True).count)


def _by_key(searcher: Any, matching: Any, sort: str, query: CardQuery) -> list[tuple[float, int, Any]]:
    if query.position:
        below = tantivy.Query.range_query(
            SCHEMA, sort, tantivy.FieldType.Unsigned, upper_bound=query.position[1], include_upper=False
        )
        matching = _all([matching, below])
    found = searcher.search(matching, query.limit + 1, count=False, order_by_field=sort).hits
    return [(0.0, int(key), address) for key, address in found]


def _position(position: list[Any] | None, sort: str, parts: int) -> list[int] | None:
    """The rarities in a position, once it is seen to be one of ours."""
    if position is None:
        return None
    *keys, rarities = position if position else [None]
    numbers = keys[1:]
    sound = (
        keys[:1] == [sort]
        and len(numbers) == (2 if sort == "relevance" else 1)
        and all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
        and isinstance(rarities, list)
        and len(rarities) == parts
        and all(isinstance(r, int) and 2 <= r <= 12 for r in rarities)
    )
    if not sound:
        raise ValueError("not a position in this search")
    return rarities


def _highlights(card: Card, wanted: Sequence[Wanted]) -> dict[str, str]:
    marked = {name: highlight(text, wanted, card.language) for name, text in fields_of(card).items()}
    return {name: text for name, text in marked.items() if text is not None}


def _term(field: str, text: str) -> Any:
    return tantivy.Query.term_query(SCHEMA, field, text, "basic")


def _all(queries: Sequence[Any]) -> Any:
    if not queries:
        return tantivy.Query.all_query()
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries])
