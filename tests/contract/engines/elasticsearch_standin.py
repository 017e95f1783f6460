"""A stand-in for Elasticsearch: the requests that our engines send, answered as its documentation says.

It is not Elasticsearch and proves nothing about it. It shows that our requests and what we make of answers
fit together; whatever is not written out here is refused, as a server refuses what it cannot parse."""

from __future__ import annotations

import json
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlencode

from search.mistyping import within
from tests.contract.engines.loopback import Answer

Document = dict[str, Any]
KEPT = ("card", "passage")  # never searched
LINE, LISTED = 4096, 65_536
"""Bytes of an address; values of one `terms`."""


class Refusal(Exception):
    def __init__(self, status: int, kind: str, reason: str) -> None:
        self.answer = status, {"error": {"type": kind, "reason": reason, "root_cause": []}, "status": status}


class Index:
    def __init__(self, body: dict[str, Any]) -> None:
        self.mappings = body.get("mappings", {})
        self.settings = body.get("settings", {})
        self.aliases: set[str] = set()
        self.live: dict[str, Document] = {}
        self.seen: dict[str, Document] = {}
        self.sequence = 0
        # A real one has no node for its shards then.
        self.away = "index.routing.allocation.require._name" in self.settings

    def refresh(self) -> None:
        self.seen = dict(self.live)

    def put(self, id: str, source: dict[str, Any], routing: str | None) -> Document:
        fields = self.mappings.get("properties", {})
        if self.mappings.get("dynamic") == "strict" and (unknown := set(source) - set(fields)):
            raise Refusal(400, "strict_dynamic_mapping_exception", f"[{min(unknown)}] is not allowed")
        if self.mappings.get("_routing", {}).get("required") and routing is None:
            raise Refusal(400, "routing_missing_exception", id)
        for name, value in source.items():
            if fields.get(name, {}).get("type") == "long" and not -(2**63) <= value < 2**63:
                raise Refusal(400, "document_parsing_exception", f"[{name}] is out of range")
        self.sequence += 1
        made = {"id": id, "source": deepcopy(source), "routing": routing, "sequence": self.sequence}
        made["held"] = {
            n: frozenset(v if isinstance(v, list) else [v]) for n, v in source.items() if n not in KEPT
        }
        self.live[id] = made
        return made

    def shown(self, document: Document) -> dict[str, Any]:
        hidden = self.mappings.get("_source", {}).get("excludes", [])
        return {name: value for name, value in document["source"].items() if name not in hidden}


class Elasticsearch:
    def __init__(self) -> None:
        self.headers = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
        self.indexes: dict[str, Index] = {}

    def answer(self, method: str, path: list[str], asked: dict[str, str], body: bytes) -> Answer:
        try:
            return self._answer(method, path, asked, body)
        except Refusal as refusal:
            return refusal.answer

    def _answer(self, method: str, path: list[str], asked: dict[str, str], body: bytes) -> Answer:
        if len("/".join([method, *path]) + urlencode(asked)) > LINE:
            raise Refusal(400, "too_long_http_line_exception", f"larger than {LINE} bytes")
        if path[0] == "_alias":
            found: Any = {
                n: {"aliases": {path[1]: {}}} for n, i in self.indexes.items() if path[1] in i.aliases
            }
            if not found:
                raise Refusal(404, "alias_not_found_exception", path[1])
            return 200, found
        if path == ["_aliases"]:
            return self._change_aliases(json.loads(body)["actions"])
        if len(path) == 1:
            return self._whole(method, path[0], body)
        verb = path[1]
        if verb == "_bulk":
            return self._bulk(path[0], asked, body)
        if verb == "_mget":
            return self._mget(path[0], json.loads(body)["ids"])
        given = json.loads(body) if body else {}
        if verb in ("_doc", "_create"):
            return self._one(method, verb, path[0], path[2], asked, given)
        indexes = self._behind(path[0])
        if verb == "_refresh":
            for index in indexes:
                index.refresh()
            return 200, {"_shards": {}}
        reached = [index for index in indexes if not index.away]
        if verb == "_count":
            return 200, {"count": len(self._matching(reached, given.get("query"), asked))}
        if verb == "_search":
            if asked.get("allow_partial_search_results") == "false" and len(reached) < len(indexes):
                raise Refusal(503, "search_phase_execution_exception", "missing shards")
            return 200, self._search(reached, given, asked)
        if verb == "_delete_by_query":
            gone = self._matching(indexes, given["query"], asked)
            for index, document in gone:
                index.live.pop(document["id"], None)
            if asked.get("refresh") == "true":
                for index in indexes:
                    index.refresh()
            return 200, {"deleted": len(gone), "failures": []}
        raise Refusal(400, "illegal_argument_exception", "/".join(path))

    # -- indexes

    def _whole(self, method: str, name: str, body: bytes) -> Answer:
        if method == "HEAD":
            return (200 if name in self.indexes else 404), {}
        if method == "PUT":
            if name in self.indexes:
                raise Refusal(400, "resource_already_exists_exception", name)
            given = json.loads(body)
            if "aliases" in given:  # a real one takes it, and refuses searches until the shards have started
                raise Refusal(503, "search_phase_execution_exception", "all shards failed")
            self.indexes[name] = Index(given)
        elif method == "DELETE":
            for known in [n for n in self.indexes if fnmatchcase(n, name)]:
                del self.indexes[known]
        return 200, {"acknowledged": True}

    def _change_aliases(self, actions: list[dict[str, Any]]) -> Answer:
        for action in actions:
            ((verb, on),) = action.items()
            if on["index"] not in self.indexes:
                raise Refusal(404, "index_not_found_exception", on["index"])
            if verb == "add":
                self.indexes[on["index"]].aliases.add(on["alias"])
            elif verb == "remove_index":
                del self.indexes[on["index"]]
        return 200, {"acknowledged": True}

    def _behind(self, name: str) -> list[Index]:
        found = [i for n, i in self.indexes.items() if n == name or name in i.aliases]
        if not found:
            raise Refusal(404, "index_not_found_exception", f"no such index [{name}]")
        return found

    # -- documents

    def _bulk(self, name: str, asked: dict[str, str], body: bytes) -> Answer:
        lines = [json.loads(line) for line in body.decode().splitlines() if line]
        (index,) = self._behind(name)
        items, at = [], 0
        while at < len(lines):
            ((verb, on),) = lines[at].items()
            at += 1
            if verb == "delete":
                status = 200 if index.live.pop(on["_id"], None) else 404
                items.append({verb: {"_id": on["_id"], "status": status}})
                continue
            try:
                index.put(on["_id"], lines[at], on.get("routing"))
                items.append({verb: {"_id": on["_id"], "status": 201}})
            except Refusal as refusal:
                status, told = refusal.answer
                items.append({verb: {"_id": on["_id"], "status": status, "error": told["error"]}})
            at += 1
        if asked.get("refresh") == "true":
            index.refresh()
        return 200, {"errors": any("error" in next(iter(i.values())) for i in items), "items": items}

    def _mget(self, name: str, ids: list[str]) -> Answer:
        if name not in self.indexes:
            error = {"type": "index_not_found_exception"}
            return 200, {"docs": [{"_index": name, "_id": id, "error": error} for id in ids]}
        live = self.indexes[name].live
        return 200, {
            "docs": [
                {"_id": id, "found": True, "_source": live[id]["source"], "_seq_no": live[id]["sequence"],
                 "_primary_term": 1}
                if id in live
                else {"_id": id, "found": False}
                for id in ids
            ]
        }  # fmt: skip

    def _one(
        self, method: str, verb: str, name: str, id: str, asked: dict[str, str], source: dict[str, Any]
    ) -> Answer:
        (index,) = self._behind(name)
        known = index.live.get(id)
        if method == "DELETE":
            return (
                (200, {"result": "deleted"}) if index.live.pop(id, None) else (404, {"result": "not_found"})
            )
        expected = int(asked["if_seq_no"]) if "if_seq_no" in asked else None
        only_new = verb == "_create" or asked.get("op_type") == "create"
        if (only_new and known) or (expected is not None and (not known or known["sequence"] != expected)):
            raise Refusal(409, "version_conflict_engine_exception", id)
        index.put(id, source, None)
        return 201, {"result": "created"}

    # -- searching

    def _matching(
        self, indexes: list[Index], query: dict[str, Any] | None, asked: dict[str, str]
    ) -> list[tuple[Index, Document]]:
        routed = set(asked["routing"].split(",")) if "routing" in asked else None
        return [
            (index, document)
            for index in indexes
            for document in index.seen.values()
            if (routed is None or document["routing"] in routed)
            and (query is None or score(query, document["held"]) is not None)
        ]

    def _search(self, indexes: list[Index], given: dict[str, Any], asked: dict[str, str]) -> dict[str, Any]:
        found = self._matching(indexes, given.get("query"), asked)
        scored = [(i, d, score(given["query"], d["held"]) if "query" in given else 1.0) for i, d in found]
        sort = [next(iter(one.items())) for one in given.get("sort", [])]

        def key(entry: tuple[Index, Document, float | None]) -> list[Any]:
            return [entry[2] if n == "_score" else entry[1]["source"][n] for n, _ in sort]

        for place in range(len(sort) - 1, -1, -1):
            scored.sort(key=lambda entry: key(entry)[place], reverse=sort[place][1] == "desc")
        if after := given.get("search_after"):
            if any(direction != "desc" for _, direction in sort):
                raise Refusal(400, "illegal_argument_exception", "the stand-in goes down only")
            scored = [entry for entry in scored if key(entry) < list(after)]
        by_score = any(name == "_score" for name, _ in sort)
        wanted = given.get("_source", {}).get("includes")
        hits = [
            {
                "_id": document["id"],
                "_score": worth if by_score or given.get("track_scores") else None,
                "_source": {n: v for n, v in index.shown(document).items() if not wanted or n in wanted},
                "sort": key((index, document, worth)),
            }
            for index, document, worth in scored[: given.get("size", 10)]
        ]
        told: dict[str, Any] = {"hits": {"hits": hits, "total": {"value": len(found), "relation": "eq"}}}
        if "aggs" in given:
            sources = [document["held"] for _, document in found]
            told["aggregations"] = {name: _aggregate(agg, sources) for name, agg in given["aggs"].items()}
        return told


def _aggregate(asked: dict[str, Any], sources: list[dict[str, Any]]) -> dict[str, Any]:
    ((kind, given),) = asked.items()
    if kind == "filters":
        if not given["filters"]:
            raise Refusal(400, "illegal_argument_exception", "[filters] cannot be empty.")
        counted = [sum(score(f, s) is not None for s in sources) for f in given["filters"]]
        return {"buckets": [{"doc_count": count} for count in counted]}
    if kind != "terms":
        raise Refusal(400, "parsing_exception", kind)
    counts: dict[str, int] = {}
    for source in sources:
        for value in source.get(given["field"], ()):
            counts[value] = counts.get(value, 0) + 1
    best = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[: given["size"]]
    return {"buckets": [{"key": value, "doc_count": count} for value, count in best]}


def score(query: dict[str, Any], source: dict[str, Any]) -> float | None:
    """What a document scores; None where it does not match."""
    ((kind, given),) = query.items()
    if kind == "bool":
        return _bool(given, source)
    if kind == "constant_score":
        return None if score(given["filter"], source) is None else float(given["boost"])
    if kind == "dis_max":
        return max((s for q in given["queries"] if (s := score(q, source)) is not None), default=None)
    if kind == "function_score":
        found = score(given["query"], source)
        return None if found is None else found * max(source[given["field_value_factor"]["field"]])
    ((field, value),) = given.items()
    held = source.get(field, frozenset())
    if kind == "term":
        matches = value in held
    elif kind == "terms":
        if len(value) > LISTED:
            raise Refusal(400, "search_phase_execution_exception", "too many terms")
        matches = not held.isdisjoint(value)
    elif kind == "prefix":
        matches = any(one.startswith(value["value"]) for one in held)
    elif kind == "fuzzy":
        matches = any(
            one == value["value"] or within(one, value["value"], value["fuzziness"])
            for one in held
            if one[: (exact := value.get("prefix_length", 0))] == value["value"][:exact]
        )
    elif kind == "range":
        matches = any(one >= value["gte"] for one in held)
    else:
        raise Refusal(400, "parsing_exception", f"unknown query [{kind}]")
    return 1.0 if matches else None


def _bool(given: dict[str, Any], source: dict[str, Any]) -> float | None:
    if set(given) - {"must", "filter", "should", "must_not", "minimum_should_match"}:
        raise Refusal(400, "x_content_parse_exception", "[bool] unknown field")
    if any(score(query, source) is None for query in given.get("filter", [])):
        return None
    if any(score(query, source) is not None for query in given.get("must_not", [])):
        return None
    musts = [score(query, source) for query in given.get("must", [])]
    found = [s for query in given.get("should", []) if (s := score(query, source)) is not None]
    default = 1 if given.get("should") and not given.get("must") and not given.get("filter") else 0
    if None in musts or len(found) < given.get("minimum_should_match", default):
        return None
    return sum(s for s in musts if s is not None) + sum(found)
