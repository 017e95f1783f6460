"""Where the engines are and how they are spoken to. Filled from settings by whoever starts a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from search.square.cards import USUAL
from search.square.synonyms import Synonyms

Kind = Literal["embedded", "meilisearch", "elasticsearch"]
_SCHEMES: dict[str, tuple[Kind, str]] = {
    f"{kind}+{scheme}": (kind, scheme)
    for kind in ("meilisearch", "elasticsearch")
    for scheme in ("http", "https")
}


class BadSearchURL(ValueError):
    """The address names no engine that there is. Never holds a credential."""


@dataclass(frozen=True, slots=True)
class Where:
    """`hosts` are plain http(s) addresses: of Elasticsearch any number, of Meilisearch one."""

    kind: Kind
    hosts: tuple[str, ...] = ()


def where(url: str) -> Where:
    """Of `meilisearch+http://host:7700` or `elasticsearch+https://one:9200,two:9200`; empty is embedded.

    Raises `BadSearchURL`. A name or password in the address is refused: those are settings of their own."""
    if not url:
        return Where("embedded")
    scheme, _, rest = url.partition("://")
    if scheme not in _SCHEMES or not rest:
        raise BadSearchURL("search addresses begin with " + ", ".join(f"{known}://" for known in _SCHEMES))
    kind, plain = _SCHEMES[scheme]
    hosts = tuple(f"{plain}://{host.strip().rstrip('/')}" for host in rest.split(","))
    for host in hosts:
        parts = urlsplit(host)
        if "@" in parts.netloc:
            raise BadSearchURL("credentials stand in settings of their own, not in the search address")
        if not parts.hostname or parts.query or parts.fragment:
            raise BadSearchURL("a search address holds a host, a port and perhaps a path")
    if kind == "meilisearch" and len(hosts) > 1:
        raise BadSearchURL("Meilisearch is one server")
    return Where(kind, hosts)


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
