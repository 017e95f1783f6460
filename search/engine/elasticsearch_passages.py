"""The passage engine on Elasticsearch: all passages behind one alias, those of a knowledge base on one shard.

    <prefix>-passages           the alias that is searched
    <prefix>-passages-<shape>   an index behind it; another shape of fields or shards is another index, and
                                each knowledge base moves there when it is rebuilt
    <prefix>-passages-state     of each knowledge base its live build and generation

What is asked is narrowed to the builds in scope before anything is weighed or counted. Passages are weighed
by constants alone (`constant_score`), computed from counts over the scope: no statistic of a shard takes
part, so nothing that others put there can move a score. Swapping a build is one write of its state."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import suppress
from math import log2
from typing import Any
from uuid import UUID

import msgspec

from search.engine.analysed import (
    CANDIDATES,
    TONGUES,
    Stored,
    analysed,
    drawn,
    kept,
    meant,
    ordered,
    understood,
    unheld,
    worth_reading,
)
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
    create,
    fingerprint,
    settings_of,
    show,
    speaking,
)
from search.engine.elasticsearch_states import State, States
from search.engine.elasticsearch_words import words_near
from search.engine.port import DocumentsRefused, EngineUnavailable, IndexDocument, PassageHit, Refused
from search.passages.question import Question, analyse
from search.passages.ranking import Statistics
from search.passages.scope import AccessScope, IndexView

MAPPINGS: dict[str, Any] = {
    "dynamic": "strict",
    "_routing": {"required": True},
    "_source": {"excludes": ["body", "head"]},
    "properties": {
        "base": KEY,
        "build": KEY,
        "written": KEY,
        "document": KEY,
        "free": {"type": "boolean"},
        "body": TERMS,
        "head": TERMS,
        "factor": {"type": "double"},
        "key": KEY,
        "passage": KEPT,
    },
}
CLAUSES = 900
"""The least that a server allows in one query is 1,024: of a longer one, the heaviest are asked."""
ROUTED = 64
"""Of more knowledge bases all shards are asked: a server takes addresses of 4,096 bytes."""
LISTED = 65_536
"""Values that a server takes in one list."""


class ElasticsearchPassageEngine:
    """`PassageEngine` on Elasticsearch."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._client = connect(config)
        self._alias = f"{config.prefix}-passages"
        self._states = States(f"{self._alias}-state")
        self._index = f"{self._alias}-{fingerprint(MAPPINGS, config.shards)}"

    async def add(self, knowledge_base_id: UUID, documents: Sequence[IndexDocument]) -> int:
        base = str(knowledge_base_id)
        await self._ready()
        state = (await self._states.read(self._client, [base])).get(base)
        build, written = state.build if state else secrets.token_hex(8), secrets.token_hex(8)
        async with speaking():
            refused = await self._write(base, build, written, documents)
            gone = {"terms": {"document": [str(owner.document_id) for owner in documents]}}
            kept: list[Any] = [{"term": {"written": written}}]
            if refused:  # in part it would be worse than not at all
                await self._forget(base, [{"terms": {"document": list(refused)}}])
            await self._forget(base, [gone, {"term": {"build": build}}], but=kept)
        generation = await self._states.point(self._writer, base, build, state)
        _tell(refused)
        return generation

    async def rebuild(
        self,
        knowledge_base_id: UUID,
        documents: Iterable[IndexDocument] | AsyncIterable[IndexDocument],
    ) -> int:
        base, build = str(knowledge_base_id), secrets.token_hex(8)
        await self._ready()
        state = (await self._states.read(self._client, [base])).get(base)
        try:
            async with speaking():
                _tell(await self._write(base, build, build, documents))
                await self._writer.indices.refresh(index=self._index)
            generation = await self._states.point(self._writer, base, build, state)
        except BaseException:
            with suppress(EngineUnavailable):
                async with speaking():
                    await self._forget(base, [{"term": {"build": build}}])
            raise
        with suppress(EngineUnavailable):  # the next rebuild clears what this one could not
            async with speaking():
                await self._forget(base, [], but=[{"term": {"build": build}}])
                await self._leave_old_shapes()
        return generation

    async def drop(self, knowledge_base_id: UUID) -> None:
        base = str(knowledge_base_id)
        await self._states.drop(self._writer, base)
        with suppress(NotThere):
            async with speaking():
                await self._forget(base, [])

    async def search(self, scope: AccessScope, query: str, *, limit: int) -> list[PassageHit]:
        """As `PassageEngine.search`."""
        question = analyse(query)
        if not question.terms or not scope.views or limit < 1:
            return []
        bases = [str(view.knowledge_base_id) for view in scope.views]
        states = await self._states.read(self._client, bases)
        for _ in range(5):
            views = [(view, state) for view in scope.views if (state := _fresh(view, states)) is not None]
            hits = await self._search(query, views, limit) if views else []
            after = await self._states.read(self._client, bases)
            # A build may be swapped away between reading its name and searching it.
            if {b: s.build for b, s in after.items()} == {b: s.build for b, s in states.items()}:
                return hits
            states = after
        raise EngineUnavailable("the index of a knowledge base changes too fast to be searched")

    async def close(self) -> None:
        await self._client.close()
        self._client = connect(self._config)

    # -- reading

    async def _search(
        self, query: str, views: Sequence[tuple[IndexView, State]], limit: int
    ) -> list[PassageHit]:
        scope = _scope(views)
        where: dict[str, Any] = {"index": self._alias, **WHOLE}
        if len(views) <= ROUTED:
            where["routing"] = ",".join(str(view.knowledge_base_id) for view, _ in views)
        question = analyse(query)
        async with speaking():
            if question.spaced:
                question = understood(query, (await self._counted(where, scope, TONGUES))[1])
            statistics = await self._statistics(where, scope, question)
            if question.spaced and (lost := unheld(question, statistics.frequencies)):
                likely = await words_near(self._client, where, scope, lost)
                if likely:
                    held = (await self._counted(where, scope, likely))[1]
                    question = meant(query, question, lost, dict(zip(likely, held, strict=True)))
                    statistics = await self._statistics(where, scope, question)
            weighed = sorted(drawn(statistics.telling(question)), key=lambda way: -way[2])[:CLAUSES]
            if not weighed or not statistics.passages:
                return []
            should = [
                {"constant_score": {"filter": {"term": {field: term}}, "boost": weight}}
                for field, term, weight in weighed
            ]
            matching = {"bool": {"filter": [scope], "should": should, "minimum_should_match": 1}}
            answer = await self._client.search(
                **where,
                query={
                    "function_score": {
                        "query": matching,
                        "field_value_factor": {"field": "factor"},
                        "boost_mode": "multiply",
                    }
                },
                sort=[{"_score": "desc"}, {"key": "asc"}],
                size=max(CANDIDATES, limit),
                source={"includes": ["base", "passage"]},
                track_total_hits=False,
            )
        candidates = answer["hits"]["hits"]
        least = worth_reading([float(hit["_score"]) for hit in candidates], limit)
        found = [hit["_source"] for hit in candidates if float(hit["_score"]) >= least]
        read = [kept(UUID(source["base"]), _stored(source["passage"])) for source in found]
        return ordered(question, statistics, read, limit)

    async def _statistics(self, where: dict[str, Any], scope: Any, question: Question) -> Statistics:
        terms = [term.text for term in question.terms]
        total, held = await self._counted(where, scope, terms)
        return Statistics(total, dict(zip(terms, held, strict=True)))

    async def _counted(
        self, where: dict[str, Any], scope: Any, terms: Sequence[str]
    ) -> tuple[int, list[int]]:
        """How many passages there are in scope, and how many hold each term."""
        answer = await self._client.search(
            **where,
            query=scope,
            size=0,
            track_total_hits=True,
            aggs={"held": {"filters": {"filters": [{"term": {"body": term}} for term in terms]}}},
        )
        held = [int(bucket["doc_count"]) for bucket in answer["aggregations"]["held"]["buckets"]]
        return int(answer["hits"]["total"]["value"]), held

    # -- writing

    @property
    def _writer(self) -> Any:
        return self._client.options(request_timeout=self._config.write_timeout_seconds)

    async def _ready(self) -> None:
        """The indexes are there; made by whoever comes first."""
        async with speaking():
            if self._index not in await behind(self._client, self._alias):
                await create(self._writer, self._index, settings=settings_of(self._config), mappings=MAPPINGS)
                await show(self._writer, self._index, self._alias)
            await self._states.ready(self._writer, settings_of(self._config))

    async def _write(
        self,
        base: str,
        build: str,
        written: str,
        documents: Iterable[IndexDocument] | AsyncIterable[IndexDocument],
    ) -> dict[str, str]:
        """Returns the reason for each document of which a passage was not taken."""
        owners: dict[str, str] = {}

        async def actions() -> AsyncIterator[dict[str, Any]]:
            async for owner in _each(documents):
                for number, passage in enumerate(analysed(owner)):
                    stored = passage.stored
                    yield {
                        "_id": f"{build}:{stored.document_id}:{number}",
                        "routing": base,
                        "_source": {
                            "base": base,
                            "build": build,
                            "written": written,
                            "document": str(stored.document_id),
                            "free": not stored.paid,
                            "body": passage.body,
                            "head": list(passage.head),
                            "factor": log2(2 + passage.order),
                            "key": f"{base}:{stored.document_id}:{stored.start:09}:{stored.end:09}",
                            "passage": _built_in(stored),
                        },
                    }

        for id, reason in (await bulk(self._client, self._config, actions(), index=self._index)).items():
            owners.setdefault(id.split(":")[1], reason)
        return owners

    async def _forget(self, base: str, filters: list[Any], *, but: list[Any] | None = None) -> None:
        """Deletes of the knowledge base what passes all filters, but not what passes any of `but`."""
        await self._writer.indices.refresh(index=self._alias)
        await self._writer.delete_by_query(
            index=self._alias,
            routing=base,
            query={"bool": {"filter": [{"term": {"base": base}}, *filters], "must_not": but or []}},
            conflicts="proceed",
            refresh=True,
        )

    async def _leave_old_shapes(self) -> None:
        for name in await behind(self._client, self._alias):
            if name == self._index:
                continue
            # Not `count`, which takes a shard that is away for an empty one.
            left = await self._client.search(index=name, size=0, track_total_hits=True, **WHOLE)
            if not left["hits"]["total"]["value"]:
                await self._writer.indices.delete(index=name, ignore_unavailable=True)


def _fresh(view: IndexView, states: dict[str, State]) -> State | None:
    state = states.get(str(view.knowledge_base_id))
    if state is None and view.generation > 0:
        raise EngineUnavailable("the index of a knowledge base is missing; it must be rebuilt")
    if state is not None and state.generation < view.generation:
        raise EngineUnavailable("the index of a knowledge base is older than what was written")
    return state


def _scope(views: Sequence[tuple[IndexView, State]]) -> dict[str, Any]:
    """Exactly the passages that may be found, weighed or counted."""
    whole = [state.build for view, state in views if view.tier == "all"]
    free = [state.build for view, state in views if view.tier == "free"]
    gone = sorted({str(document) for view, _ in views for document in view.excluded_documents})
    opened: list[Any] = []
    if whole:
        opened.append({"terms": {"build": whole}})
    if free:
        opened.append({"bool": {"filter": [{"terms": {"build": free}}, {"term": {"free": True}}]}})
    hidden = [{"terms": {"document": gone[i : i + LISTED]}} for i in range(0, len(gone), LISTED)]
    return {"bool": {"should": opened, "minimum_should_match": 1, "must_not": hidden}}


async def _each(
    documents: Iterable[IndexDocument] | AsyncIterable[IndexDocument],
) -> AsyncIterator[IndexDocument]:
    if isinstance(documents, AsyncIterable):
        async for owner in documents:
            yield owner
    else:
        for owner in documents:
            yield owner


def _built_in(stored: Stored) -> dict[str, Any]:
    names = Stored.__struct_fields__
    return dict(zip(names, msgspec.to_builtins(stored), strict=True))


def _stored(kept: dict[str, Any]) -> Stored:
    return msgspec.convert([kept[name] for name in Stored.__struct_fields__], Stored)


def _tell(refused: dict[str, str]) -> None:
    if refused:
        raise DocumentsRefused([Refused(UUID(id), reason) for id, reason in refused.items()])
