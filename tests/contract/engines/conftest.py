"""Every engine, under one suite: tantivy always, stand-ins of the servers always, and the servers themselves
where `ZHIHAO_TEST_MEILISEARCH_URL` and `ZHIHAO_TEST_ELASTICSEARCH_URL` say where they are (`http://…`), with
`…_API_KEY`, or `…_USERNAME`, `…_PASSWORD`, and `…_CA_FILE` beside them."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.engine.address import Where, where
from search.engine.config import EngineConfig
from search.engine.elasticsearch_client import connect
from search.engine.meilisearch_client import Meilisearch as MeilisearchServer
from search.engine.opening import open_cards, open_passages
from search.engine.port import CardEngine, PassageEngine
from tests.contract.engines.elasticsearch_standin import Elasticsearch
from tests.contract.engines.loopback import Faults, serving
from tests.contract.engines.meilisearch_standin import Meilisearch

KINDS = ["embedded", "meilisearch-standin", "elasticsearch-standin", "meilisearch", "elasticsearch"]
PASSAGE_KINDS = ["embedded", "elasticsearch-standin", "elasticsearch"]


@contextmanager
def config_of(kind: str, folder: Path) -> Iterator[EngineConfig]:
    """Of an engine with nothing in it: indexes of a name of its own on a server."""
    prefix = f"zhihao-test-{secrets.token_hex(4)}"
    if kind == "embedded":
        yield EngineConfig(Where("embedded"), folder)
        return
    name, _, standin = kind.partition("-")
    if standin:
        server = Meilisearch() if name == "meilisearch" else Elasticsearch()
        with serving(server, Faults()) as address:
            yield EngineConfig(where(f"{name}+http://{address}"), folder, prefix=prefix)
        return
    variable = f"ZHIHAO_TEST_{name.upper()}"
    address = os.environ.get(f"{variable}_URL", "")
    if not address:
        pytest.skip(f"{variable}_URL names no server")
    given: dict[str, Any] = {
        field: os.environ.get(f"{variable}_{field.upper()}", "")
        for field in ("api_key", "username", "password", "ca_file")
    }
    address = address if address.startswith(f"{name}+") else f"{name}+{address}"
    config = replace(EngineConfig(where(address), folder, prefix=prefix, timeout_seconds=20.0), **given)
    try:
        yield config
    finally:
        asyncio.run(_clear(config))


async def _clear(config: EngineConfig) -> None:
    """Leaves a real server as it was found."""
    if config.where.kind == "elasticsearch":
        client = connect(config)
        for index in (await client.indices.get(index=f"{config.prefix}-*")).body:
            await client.indices.delete(index=index)
        await client.close()
        return
    server = MeilisearchServer(config)

    def delete() -> None:
        for index in server.client.http.get("indexes?limit=1000")["results"]:
            if index["uid"].startswith(config.prefix):
                server.write("delete", f"indexes/{index['uid']}")

    await server.run(delete)
    await server.close()


@pytest.fixture
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineConfig]:
    with config_of(request.param, tmp_path) as config:
        yield config


@pytest.fixture
async def cards(config: EngineConfig) -> AsyncIterator[CardEngine]:
    engine = open_cards(config)
    yield engine
    await engine.close()


@pytest.fixture
async def passages(config: EngineConfig) -> AsyncIterator[PassageEngine]:
    engine = open_passages(config)
    yield engine
    await engine.close()
