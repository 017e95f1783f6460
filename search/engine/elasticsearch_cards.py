"""The card engine on Elasticsearch: one alias, and one index behind it at a time.

Asked with the same tree of constant weights as the embedded engine, so that both give the same scores."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from search.engine.config import EngineConfig
from search.engine.elasticsearch_client import (
    KEPT,
    KEY,
    TERMS,
    WHOLE,
    NotThere,
    behind,
    bulk,
    connect,
    settings_of,
    show,
    speaking,
)
from search.engine.port import Card, CardHit, CardPage, CardQuery, Refused
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
from search.square.weighing import Way, Weighed

MAPPINGS: dict[str, Any] = {
    "dynamic": "strict",
    "properties": {
        **dict.fromkeys(WEIGHTS, TERMS),
        **{f"by_{name}": KEY for name in FACETS},
        **{f"facet_{name}": KEY for name in FACETS},
        "new": {"type": "long"},
        "popular": {"type": "long"},
        "card": KEPT,
    },
}


class ElasticsearchCardEngine:
    """`CardEngine` on Elasticsearch. One writer at a time, as the port says."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._client = connect(config)
        self._alias = f"{config.prefix}-cards"

    async def put(self, cards: Sequence[Card]) -> list[Refused]:
        async with speaking():
            if not await behind(self._client, self._alias):
                await show(self._writer, await self._create(), self._alias)
        return await self._write(self._alias, _indexing(cards), refresh="true", require_alias=True)

    async def remove(self, ids: Sequence[UUID]) -> None:
        async with speaking():
            if not await behind(self._client, self._alias):
                return
        deleting = ({"_op_type": "delete", "_id": str(id)} for id in ids)
        await self._write(self._alias, deleting, refresh="true", require_alias=True)

    async def rebuild(self, cards: Iterable[Card]) -> list[Refused]:
        async with speaking():
            name = await self._create()
        try:
            refused = await self._write(name, _indexing(cards))
            async with speaking():
                await self._writer.indices.refresh(index=name)
                old = await behind(self._client, self._alias)
                await self._writer.indices.update_aliases(
                    actions=[
                        {"add": {"index": name, "alias": self._alias}},
                        *({"remove_index": {"index": other}} for other in old),
                    ]
                )
        except BaseException:
            await self._abandon(name)
            raise
        return refused

    async def search(self, query: CardQuery) -> CardPage:
        """As `CardEngine.search`."""
        asked = weighing.asked_of(query, self._config.synonyms)
        position = weighing.position_of(query, asked)
        if asked.silent:
            return CardPage([], no_facets(), 0, None)
        filters = [{"term": {f"by_{name}": value}} for name, value in filters_of(query).items()]
        now = position.now if position else query.now and query.now.replace(microsecond=0)
        relevance = asked.sort == "relevance"
        sort: list[dict[str, str]] = [{"popular" if relevance else asked.sort: "desc"}]
        after: list[float] | None = [position.key] if position else None
        if relevance:
            sort.insert(0, {"_score": "desc"})
            after = [position.score, position.key] if position else None
        try:
            async with speaking():
                rarities = position.rarities if position else await self._rarities(asked.wanted)
                weighed = weighing.weighed(asked.wanted, rarities, now)
                answer = await self._client.search(
                    index=self._alias,
                    **WHOLE,
                    query=_query(filters, weighed, lifted=relevance),
                    sort=sort,
                    search_after=after,
                    size=query.limit + 1,
                    source={"includes": ["card"]},
                    track_scores=relevance,
                    track_total_hits=True,
                    aggs={n: {"terms": {"field": f"facet_{n}", "size": FACET_VALUES}} for n in FACETS},
                )
        except NotThere:
            return CardPage([], no_facets(), 0, None)
        entries = answer["hits"]["hits"]
        hits = []
        for entry in entries[: query.limit]:
            card = msgspec.convert(entry["_source"]["card"], Card)
            hits.append(CardHit(card.id, float(entry["_score"] or 0), highlights(card, asked.wanted)))
        following = None
        if len(entries) > query.limit:
            last = entries[query.limit - 1]
            following = weighing.position(
                asked.sort, float(last["_score"] or 0), int(last["sort"][-1]), rarities, now
            )
        counted = answer["aggregations"]
        facets = {n: most({b["key"]: b["doc_count"] for b in counted[n]["buckets"]}) for n in FACETS}
        return CardPage(hits, facets, int(answer["hits"]["total"]["value"]), following)

    async def close(self) -> None:
        await self._client.close()
        self._client = connect(self._config)

    @property
    def _writer(self) -> Any:
        return self._client.options(request_timeout=self._config.write_timeout_seconds)

    async def _rarities(self, wanted: Sequence[Wanted]) -> list[int]:
        if not wanted:
            return []
        asked = [{"term": {name: w.forms[0]}} for w in wanted for name in WEIGHTS]
        answer = await self._client.search(
            index=self._alias,
            **WHOLE,
            size=0,
            track_total_hits=True,
            aggs={"held": {"filters": {"filters": asked}}},
        )
        cards = int(answer["hits"]["total"]["value"])
        held = [int(bucket["doc_count"]) for bucket in answer["aggregations"]["held"]["buckets"]]
        fields = len(WEIGHTS)
        return [weighing.rarity(cards, max(held[i * fields : (i + 1) * fields])) for i in range(len(wanted))]

    async def _create(self) -> str:
        now = datetime.now(UTC)
        name = f"{self._alias}-{now:%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
        await self._writer.indices.create(index=name, settings=settings_of(self._config), mappings=MAPPINGS)
        return name

    async def _write(self, index: str, actions: Iterable[dict[str, Any]], **given: Any) -> list[Refused]:
        refused = await bulk(self._client, self._config, actions, index=index, **given)
        return [Refused(UUID(id), reason) for id, reason in refused.items()]

    async def _abandon(self, name: str) -> None:
        async with speaking():
            await self._writer.indices.delete(index=name, ignore_unavailable=True)


def _indexing(cards: Iterable[Card]) -> Iterator[dict[str, Any]]:
    for card in cards:
        source: dict[str, Any] = dict(terms_of(card))
        source |= {f"facet_{name}": values for name, values in facets_of(card).items()}
        source |= {f"by_{name}": values for name, values in folded_of(card).items()}
        source |= {"new": new_key(card), "popular": popular_key(card), "card": msgspec.to_builtins(card)}
        yield {"_id": str(card.id), "_source": source}


def _query(filters: list[Any], weighed: Weighed, *, lifted: bool) -> dict[str, Any]:
    """Every part in any field, the best way in each; what is asked for beside words does not score."""
    parts = [
        {"bool": {"should": [{"dis_max": {"queries": [_way(way) for way in field]}} for field in part]}}
        for part in weighed.parts
    ]
    query: dict[str, Any] = {"filter": filters}
    if parts:
        query["must"] = [{"bool": {"should": parts, "minimum_should_match": weighed.least}}]
    if lifted:
        query["should"] = [
            _constant({"range": {lift.key: {"gte": lift.least}}}, lift.weight) for lift in weighed.lifts
        ]
    return {"bool": query}


def _way(way: Way) -> dict[str, Any]:
    if way.kind == "begins":
        found: dict[str, Any] = {"prefix": {way.field: {"value": way.tokens[0]}}}
    elif way.kind == "mistyped":
        # Rewritten to one clause: a server counts clauses, and each spelling would be one.
        asked = {"value": way.tokens[0], "fuzziness": way.slack, "rewrite": "constant_score"}
        found = {"fuzzy": {way.field: asked}}
    elif len(way.tokens) == 1:
        found = {"term": {way.field: way.tokens[0]}}
    else:
        found = {"bool": {"filter": [{"term": {way.field: token}} for token in way.tokens]}}
    return _constant(found, way.weight)


def _constant(found: dict[str, Any], weight: int) -> dict[str, Any]:
    return {"constant_score": {"filter": found, "boost": weight}}
