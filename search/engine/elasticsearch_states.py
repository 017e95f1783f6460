"""Which build of each knowledge base is live on Elasticsearch: one small document each, read by its id,
which sees every write at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from elasticsearch import AsyncElasticsearch

from search.engine.elasticsearch_client import NotThere, create, speaking
from search.engine.port import EngineUnavailable

MAPPINGS: dict[str, Any] = {"dynamic": False, "properties": {}}


@dataclass(frozen=True, slots=True)
class State:
    """`sequence` and `term` are what a write must find unchanged: so two writers cannot both succeed."""

    build: str
    generation: int
    sequence: int
    term: int


class States:
    """The index `name` of states, by knowledge base."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def ready(self, client: AsyncElasticsearch, settings: dict[str, Any]) -> None:
        """The index is there."""
        if not await client.indices.exists(index=self._name):
            await create(client, self._name, settings={**settings, "number_of_shards": 1}, mappings=MAPPINGS)

    async def read(self, client: AsyncElasticsearch, bases: Sequence[str]) -> dict[str, State]:
        """Of those that have one. Raises `EngineUnavailable`."""
        try:
            async with speaking():
                answer = await client.mget(index=self._name, ids=list(bases))
        except NotThere:
            return {}
        states = {}
        for found in answer["docs"]:
            if "error" in found:
                if found["error"].get("type") == "index_not_found_exception":
                    continue
                raise EngineUnavailable("Elasticsearch cannot read the state of an index")
            if found.get("found"):
                kept = found["_source"]
                states[found["_id"]] = State(
                    kept["build"], kept["generation"], found["_seq_no"], found["_primary_term"]
                )
        return states

    async def point(self, client: AsyncElasticsearch, base: str, build: str, before: State | None) -> int:
        """Make `build` the live one and return its generation, in microseconds, so that generations go on
        growing when all was lost. Raises `EngineUnavailable` where another writer came between."""
        generation = max(before.generation + 1 if before else 0, time.time_ns() // 1000)
        seen: dict[str, Any] = {"op_type": "create"}
        if before is not None:
            seen = {"if_seq_no": before.sequence, "if_primary_term": before.term}
        async with speaking():
            document = {"build": build, "generation": generation}
            await client.index(index=self._name, id=base, document=document, **seen)
        return generation

    async def drop(self, client: AsyncElasticsearch, base: str) -> None:
        with suppress(NotThere):
            async with speaking():
                await client.delete(index=self._name, id=base)
