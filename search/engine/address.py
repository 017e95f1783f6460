"""What an address of a search engine names. Settings read it, so nothing of the engines is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

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
