"""Speaks to Elasticsearch 9 for both engines: connection, bulk writes, what a failure is called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from elastic_transport import AsyncTransport, TransportApiResponse
from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    BadRequestError,
    ConnectionTimeout,
    NotFoundError,
    TransportError,
)
from elasticsearch.helpers import async_streaming_bulk

from search.engine.config import EngineConfig
from search.engine.port import EngineUnavailable
from search.engine.resting import Patience

TERMS = {"type": "keyword", "doc_values": False, "norms": False, "ignore_above": 255}
"""A field of our own tokens: handed over as a list, never analysed there, and only present or not."""
KEY = {"type": "keyword", "ignore_above": 1024}
KEPT = {"type": "object", "enabled": False}
WHOLE: dict[str, Any] = {"allow_partial_search_results": False}
"""Of a search: a shard that is away makes no shorter answer, but none."""


def connect(config: EngineConfig) -> AsyncElasticsearch:
    """A client that connects at its first request; a request is sent at most twice."""
    given: dict[str, Any] = {}
    if config.api_key:
        given["api_key"] = config.api_key
    elif config.username:
        given["basic_auth"] = (config.username, config.password)
    if config.ca_file:
        given["ca_certs"] = config.ca_file
    patience = Patience(config.rest_after, config.rest_seconds)

    class Transport(AsyncTransport):
        async def perform_request(self, *asked: Any, **more: Any) -> TransportApiResponse:  # type: ignore[override] # handed on as it came
            with patience.asking(ConnectionTimeout):
                return await super().perform_request(*asked, **more)

    return AsyncElasticsearch(
        list(config.where.hosts),
        transport_class=Transport,
        request_timeout=config.timeout_seconds,
        max_retries=1,
        retry_on_status=(502, 503, 504),
        **given,
    )


class NotThere(EngineUnavailable):
    """The index or alias asked for is not there."""


@asynccontextmanager
async def speaking() -> AsyncIterator[None]:
    """Failures of the server, or to reach it, become `EngineUnavailable`: a status, never an address.
    `NotThere` where what was asked for is missing."""
    try:
        yield
    except NotFoundError as error:
        raise NotThere("an index is missing; it must be rebuilt") from error
    except ApiError as error:
        raise EngineUnavailable(f"Elasticsearch answered {error.status_code}: {_kind(error.body)}") from error
    except TransportError as error:
        raise EngineUnavailable(f"Elasticsearch cannot be reached: {type(error).__name__}") from error


def _kind(body: Any) -> str:
    error = body.get("error") if isinstance(body, Mapping) else None
    return str(error.get("type", "")) if isinstance(error, Mapping) else ""


async def bulk(
    client: AsyncElasticsearch,
    config: EngineConfig,
    actions: Iterable[dict[str, Any]] | AsyncIterable[dict[str, Any]],
    **given: Any,
) -> dict[str, str]:
    """Sends the actions, one request after the other, and returns the reason for each id not taken.

    Actions are drawn only as fast as they are sent. What the server has no room for is sent again, after
    growing waits; still refused for want of room, it raises `EngineUnavailable`."""
    refused: dict[str, str] = {}
    patient = client.options(request_timeout=config.write_timeout_seconds)
    sent = async_streaming_bulk(
        patient,
        actions,
        chunk_size=config.bulk_documents,
        max_chunk_bytes=config.bulk_bytes,
        raise_on_error=False,
        max_retries=config.retries,
        initial_backoff=config.backoff_seconds,
        max_backoff=30,
        yield_ok=False,
        retry_on_status=(429, 503),
        **given,
    )
    async with speaking():
        async for _, answer in sent:
            ((action, told),) = answer.items()
            status = int(told.get("status", 0))
            if status in (429, 503):
                raise EngineUnavailable("Elasticsearch has no room for more")
            if not (action == "delete" and status == 404):
                refused[told["_id"]] = _reason(told.get("error"))
    return refused


def _reason(error: Any) -> str:
    return f"{error.get('type')}: {error.get('reason')}" if isinstance(error, Mapping) else str(error)


def settings_of(config: EngineConfig) -> dict[str, Any]:
    """What is not refreshed is not seen: writers refresh when a write is whole."""
    return {
        "number_of_shards": config.shards,
        "number_of_replicas": config.replicas,
        "refresh_interval": "-1",
    }


def fingerprint(*parts: Any) -> str:
    """Of the shape of an index: another shape is another index."""
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=5).hexdigest()


async def behind(client: AsyncElasticsearch, alias: str) -> list[str]:
    """The indexes that an alias stands for; none where it is not known."""
    try:
        found = await client.indices.get_alias(name=alias)
    except NotFoundError:
        return []
    return sorted(found.body)


async def create(client: AsyncElasticsearch, name: str, **given: Any) -> None:
    """Make an index, unless another writer just did."""
    try:
        await client.indices.create(index=name, **given)
    except BadRequestError as error:
        if "resource_already_exists_exception" not in str(error.body):
            raise


async def show(client: AsyncElasticsearch, name: str, alias: str) -> None:
    """Put an index behind an alias as well. Only now: as long as it is being made, until its shards have
    started, a search that reaches it fails."""
    await client.indices.update_aliases(actions=[{"add": {"index": name, "alias": alias}}])
