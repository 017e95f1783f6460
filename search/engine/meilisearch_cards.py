"""The card engine on Meilisearch: one index, exchanged whole for one built beside it.

It is given our tokens, never the texts: those of unspaced scripts spelt out in letters, so that its own
segmenter leaves them alone, in fields where it forgives no typing error; words, raw and as stems, in fields
where it does. It ranks by its own rules, one after the other: how many words, how many errors, which field;
readers and freshness only part what all of these leave equal."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
from meilisearch.errors import MeilisearchApiError, MeilisearchError

from search.engine.config import EngineConfig
from search.engine.meilisearch_client import Meilisearch, NotThere, TaskFailed, batches
from search.engine.port import Card, CardHit, CardPage, CardQuery, EngineUnavailable, Refused
from search.square import weighing
from search.square.cards import Wanted, highlights
from search.square.indexed import (
    FACET_VALUES,
    FACETS,
    WEIGHTS,
    facets_of,
    filters_of,
    folded_of,
    most,
    new_key,
    no_facets,
    popular_key,
    terms_of,
)
from search.square.synonyms import Synonyms
from search.square.weighing import READERS, Asked, Position

WORDS = 10
"""Of a query; the server reads no more."""
SLACK = 100
"""How many cards may come or go before a page, for the next one still to begin where it ended."""
_LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")
_BELOW = {  # sorted by, highest first: a position is a place in this order
    "new": ("micros", "grain"),
    "popular": ("popularity", "seconds", "grain"),
}
_EXACT = [f"{name}_exact" for name in WEIGHTS]


def _settings(synonyms: Synonyms) -> dict[str, Any]:
    by_weight = sorted(WEIGHTS, key=lambda name: -WEIGHTS[name])
    numbers = ["micros", "seconds", "popularity", "grain"]
    groups = [[_spelt(phrase.tokens) for phrase in group] for group in synonyms.groups]
    return {
        "searchableAttributes": [field for name in by_weight for field in (name, f"{name}_exact")],
        "displayedAttributes": ["id", "card", "order"],
        "filterableAttributes": [*(f"by_{n}" for n in FACETS), *(f"facet_{n}" for n in FACETS), *numbers],
        "sortableAttributes": numbers,
        "rankingRules": [
            "sort", "words", "typo", "attribute", "proximity", "exactness", "level:desc", "micros:desc",
            "grain:desc",
        ],
        "typoTolerance": {
            "enabled": True,
            "minWordSizeForTypos": {"oneTypo": 4, "twoTypos": 8},
            "disableOnAttributes": _EXACT,
        },
        "synonyms": {one: [other for other in group if other != one] for group in groups for one in group},
        "faceting": {"maxValuesPerFacet": FACET_VALUES, "sortFacetValuesBy": {"*": "count"}},
        "pagination": {"maxTotalHits": 100_000},
    }  # fmt: skip


class MeilisearchCardEngine:
    """`CardEngine` on Meilisearch."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._server = Meilisearch(config)
        self._index = f"{config.prefix}-cards"

    async def put(self, cards: Sequence[Card]) -> list[Refused]:
        return await self._server.run(self._put, cards)

    async def remove(self, ids: Sequence[UUID]) -> None:
        await self._server.run(self._remove, [str(id) for id in ids])

    async def rebuild(self, cards: Iterable[Card]) -> list[Refused]:
        return await self._server.run(self._rebuild, cards)

    async def search(self, query: CardQuery) -> CardPage:
        """As `CardEngine.search`."""
        asked = weighing.asked_of(query, self._config.synonyms)
        position = weighing.position_of(query, asked)
        if asked.silent:
            return CardPage([], no_facets(), 0, None)
        try:
            return await self._server.run(self._search, query, asked, position)
        except NotThere:
            return CardPage([], no_facets(), 0, None)

    async def close(self) -> None:
        await self._server.close()

    # -- writing, in a thread

    def _put(self, cards: Sequence[Card]) -> list[Refused]:
        if not self._exists():
            self._create(self._index)
        return self._add(self._index, cards)

    def _remove(self, ids: Sequence[str]) -> None:
        if ids and self._exists():
            self._server.write("post", f"indexes/{self._index}/documents/delete-batch", ids)

    def _rebuild(self, cards: Iterable[Card]) -> list[Refused]:
        beside = f"{self._index}-{secrets.token_hex(4)}"
        try:
            self._create(beside)
            refused = self._add(beside, cards)
            if not self._exists():
                self._create(self._index)
            self._server.write("post", "swap-indexes", [{"indexes": [self._index, beside]}])
        finally:  # what was live before, or what did not get to be
            with suppress(EngineUnavailable, MeilisearchError):
                self._server.write("delete", f"indexes/{beside}")
        return refused

    def _exists(self) -> bool:
        found = self._server.client.http.get("indexes?limit=1000")
        return any(index["uid"] == self._index for index in found["results"])

    def _create(self, index: str) -> None:
        self._server.write("patch", f"indexes/{index}/settings", _settings(self._config.synonyms))

    def _add(self, index: str, cards: Iterable[Card]) -> list[Refused]:
        refused: list[Refused] = []
        made = [_document(card) for card in cards]
        for batch in batches(made, self._config.bulk_documents, self._config.bulk_bytes):
            refused += self._add_batch(index, batch)
        return refused

    def _add_batch(self, index: str, documents: list[dict[str, Any]]) -> list[Refused]:
        """A batch is taken whole or not at all: of one that is not, the halves are tried."""
        try:
            self._server.write("post", f"indexes/{index}/documents?primaryKey=id", documents)
        except TaskFailed as failure:
            if not failure.code.startswith(("invalid_document", "max_fields_limit", "missing_document")):
                raise
            if len(documents) == 1:
                return [Refused(UUID(documents[0]["id"]), f"{failure.code}: {failure.reason}")]
            half = len(documents) // 2
            return self._add_batch(index, documents[:half]) + self._add_batch(index, documents[half:])
        return []

    # -- reading, in a thread

    def _asked(self, queries: list[dict[str, Any]]) -> Any:
        http = self._server.client.http
        try:
            return http.post("multi-search", {"queries": queries})["results"]
        except MeilisearchApiError as error:
            if not (error.code or "").startswith("invalid_search"):
                raise
            # When an index is made, it is seen before its settings are.
            if http.get(f"indexes/{self._index}/settings/filterable-attributes") == []:
                raise NotThere("an index is being made") from error
            return http.post("multi-search", {"queries": queries})["results"]

    def _words(self, wanted: Sequence[Wanted]) -> tuple[list[str], bool]:
        """What to look for, and whether the last of it may be the beginning of a word. Of each part the form
        that most cards have: a stem, unless their language was taken for another. Of more than two parts,
        not what no card has: the server drops words by how frequent they are, and would keep those for
        the last."""
        chosen = _chosen(wanted)
        forms = [list(dict.fromkeys(_spell(form) for form in reversed(w.forms))) for w in chosen]
        few = len(chosen) <= 2
        best = [(0 if w.also or few else -1, one[0], w) for w, one in zip(chosen, forms, strict=True)]
        if not few or any(len(one) > 1 for one in forms):
            alone = [(i, form) for i, one in enumerate(forms) for form in one]
            queries = [
                {"indexUid": self._index, "q": form + _ending(chosen[i].prefix), "limit": 0}
                for i, form in alone
            ]
            counted = self._server.client.http.post("multi-search", {"queries": queries})["results"]
            for (i, form), found in zip(alone, counted, strict=True):
                if (count := int(found["estimatedTotalHits"])) > max(0, best[i][0]):
                    best[i] = (count, form, chosen[i])
        kept = [(form, w) for count, form, w in best if count >= 0]
        return [form for form, _ in kept], bool(kept) and kept[-1][1].prefix

    def _search(self, query: CardQuery, asked: Asked, position: Position | None) -> CardPage:
        words, beginning = self._words(asked.wanted)
        least = _least(len(asked.wanted))
        if asked.wanted and len(words) < least:
            return CardPage([], no_facets(), 0, None)
        filters = [f"by_{name} = {_quoted(value)}" for name, value in filters_of(query).items()]
        common: dict[str, Any] = {"indexUid": self._index, "filter": filters}
        common["q"] = " ".join(words) + _ending(beginning)
        if words:
            common |= _strictness(len(words), least)
        # By pages, which counts all matches: by limits, some of those below a threshold are counted too.
        counting = {**common, "page": 1, "hitsPerPage": 1, "attributesToRetrieve": ["id"]}
        counting["facets"] = [f"facet_{name}" for name in FACETS]
        relevance = asked.sort == "relevance"
        shown = int(position.score) if position and relevance else 0
        low = max(0, shown - SLACK)
        asking = {**common, "offset": low, "limit": shown - low + SLACK * bool(position) + query.limit + 1}
        asking |= {"attributesToRetrieve": ["card", "order"], "showRankingScore": True}
        if not relevance:
            asking |= {"offset": 0, "limit": query.limit + 1}
            asking["sort"] = [f"{name}:desc" for name in _BELOW[asked.sort]]
            if position:
                asking["filter"] = [*filters, _below(asked.sort, position.key)]
        answers = self._asked([counting, asking])
        facets = {n: most(answers[0]["facetDistribution"].get(f"facet_{n}", {})) for n in FACETS}
        entries, start = answers[1]["hits"], 0
        if relevance and position:
            keys = [int(entry["order"]["popular"]) for entry in entries]
            start = keys.index(position.key) + 1 if position.key in keys else shown - low
        page = entries[start : start + query.limit]
        hits = []
        for entry in page:
            card = msgspec.convert(entry["card"], Card)
            hits.append(CardHit(card.id, float(entry["_rankingScore"]), highlights(card, asked.wanted)))
        following = None
        if page and len(entries) > start + query.limit:
            key = int(page[-1]["order"]["popular" if relevance else asked.sort])
            place = float(low + start + len(page)) if relevance else 0.0
            following = weighing.position(asked.sort, place, key, [2] * len(asked.wanted), None)
        return CardPage(hits, facets, sum(facets["price"].values()), following)


def _document(card: Card) -> dict[str, Any]:
    new, popular = new_key(card), popular_key(card)
    made: dict[str, Any] = {
        "id": str(card.id),
        "card": msgspec.to_builtins(card),
        # As text: a number there holds 53 bits.
        "order": {"new": str(new), "popular": str(popular)},
        "micros": new >> 12,
        "grain": new % 2**12,
        "seconds": (popular >> 12) % 2**31,
        "popularity": popular >> 43,
        "level": sum(card.popularity >= readers for readers in READERS),
    }
    for name, terms in terms_of(card).items():
        made[name] = " ".join(dict.fromkeys(_spell(term) for term in terms if not _is_exact(term)))
        made[f"{name}_exact"] = " ".join(dict.fromkeys(_spell(term) for term in terms if _is_exact(term)))
    made |= {f"facet_{name}": values for name, values in facets_of(card).items()}
    made |= {f"by_{name}": values for name, values in folded_of(card).items()}
    return made


def _is_exact(term: str) -> bool:
    """Whether no typing error is forgiven in it: what is not a word of letters with spaces around it."""
    return not term.lstrip("~").isalpha() or term[0] >= "\u0e00"


def _spell(term: str) -> str:
    """One word to the server, whatever its own rules of segmentation are."""
    word = term.removeprefix("~")
    if not _is_exact(term):
        return word
    return "zq" + "".join(f"{ord(c):06x}".translate(_LETTERS) for c in word)


def _spelt(tokens: Iterable[str]) -> str:
    return " ".join(map(_spell, tokens))


def _chosen(wanted: Sequence[Wanted]) -> Sequence[Wanted]:
    """At most as many as the server reads: of the pairs of characters, those that overlap go first."""
    if len(wanted) <= WORDS:
        return wanted
    grams = [w for w in wanted if not w.word]
    kept = [*(w for w in wanted if w.word), *grams[::2], *grams[1::2]][:WORDS]
    return [w for w in wanted if w in kept]


def _ending(beginning: bool) -> str:
    """Of a query: the server takes its last word for a beginning, unless something follows it."""
    return "" if beginning else " "


def _least(parts: int) -> int:
    """All of one or two parts must match, else half of them."""
    read = min(parts, WORDS)
    return read if read <= 2 else (read + 1) // 2


def _strictness(words: int, least: int) -> dict[str, Any]:
    """Who matches k of n words scores above (k - 1) / n, and at most k / n."""
    if least == words:
        return {"matchingStrategy": "all"}
    return {"matchingStrategy": "frequency", "rankingScoreThreshold": (least - 1) / words + 1e-9}


def _below(sort: str, key: int) -> str:
    """What comes after a key, field by field: a filter compares numbers of 53 bits."""
    grain, seconds, micros = key % 2**12, (key >> 12) % 2**31, key >> 12
    values = [micros, grain] if sort == "new" else [key >> 43, seconds, grain]
    alternatives, equal = [], ""
    for name, value in zip(_BELOW[sort], values, strict=True):
        alternatives.append(f"({equal}{name} < {value})")
        equal += f"{name} = {value} AND "
    return " OR ".join(alternatives)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
