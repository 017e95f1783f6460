"""Where the engines are and how they are spoken to. Filled from settings by whoever starts a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from search.engine.address import Where
from search.square.cards import USUAL
from search.square.synonyms import Synonyms


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """`prefix` begins the name of every index, so that installations may share a server. A search is given
    `timeout_seconds`, a write `write_timeout_seconds`; a write that the server has no room for (429) is
    tried again `retries` times, after `backoff_seconds` and then twice as long each time. At most
    `bulk_documents` or `bulk_bytes` are under way at once. After `rest_after` requests in a row without an
    answer in time, the server is left alone for `rest_seconds`."""

    where: Where
    folder: Path
    open_indexes: int = 64
    api_key: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    prefix: str = "zhihao"
    shards: int = 1
    replicas: int = 0
    timeout_seconds: float = 3.0
    write_timeout_seconds: float = 60.0
    retries: int = 6
    backoff_seconds: float = 0.5
    bulk_documents: int = 500
    bulk_bytes: int = 8 * 2**20
    rest_after: int = 5
    rest_seconds: float = 5.0
    synonyms: Synonyms = USUAL
