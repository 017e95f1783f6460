"""A stand-in for Meilisearch: the requests that our engine sends, answered as its documentation says.

It is not Meilisearch and proves nothing about it: its rules of ranking are written out here only as far as
words, errors, fields and custom rules go. Whatever else is asked is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from search.mistyping import within
from tests.contract.engines.loopback import Answer

Document = dict[str, Any]
RULES = {"sort", "words", "typo", "attribute", "proximity", "exactness"}
ENQUEUED = "2026-01-01T00:00:00Z"


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str = "") -> None:
        self.answer = (
            status,
            {"message": message or code, "code": code, "type": "invalid_request", "link": ""},
        )


class Index:
    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.documents: dict[str, Document] = {}


class Meilisearch:
    def __init__(self) -> None:
        self.headers = {"Content-Type": "application/json"}
        self.indexes: dict[str, Index] = {}
        self.tasks: list[dict[str, Any]] = []
        # An index is seen before its settings are: here, until the task is asked about.
        self.bare: dict[int, Callable[[], None]] = {}

    def answer(self, method: str, path: list[str], asked: dict[str, str], body: bytes) -> Answer:
        given: Any = json.loads(body) if body and body != b"null" else None
        try:
            if path[0] == "tasks":
                self.bare.pop(int(path[1]), lambda: None)()
                return 200, self.tasks[int(path[1])]
            if method == "GET" and path[2:] == ["settings", "filterable-attributes"]:
                return 200, self._index(path[1]).settings.get("filterableAttributes", [])
            if path == ["multi-search"]:
                return 200, {"results": [self._search(query) for query in given["queries"]]}
            if method == "GET" and path == ["indexes"]:
                return 200, {"results": [{"uid": uid} for uid in self.indexes]}
            if path[-1] == "documents" and asked != {"primaryKey": "id"}:
                raise Refusal(400, "index_primary_key_no_candidate_found")
            return self._task(method, path, given)
        except Refusal as refusal:
            return refusal.answer

    def _task(self, method: str, path: list[str], given: Any) -> Answer:
        """Taken at once and done before it is asked about; its failure is the task's, not the request's."""
        task: dict[str, Any] = {
            "uid": len(self.tasks), "status": "succeeded", "error": None, "type": "", "enqueuedAt": ENQUEUED,
        }  # fmt: skip
        try:
            self._work(method, path, given)
        except Refusal as refusal:
            task |= {"status": "failed", "error": refusal.answer[1]}
        self.tasks.append(task)
        told = {"taskUid": task["uid"], "indexUid": None, "status": "enqueued", "type": ""}
        return 202, {**told, "enqueuedAt": ENQUEUED}

    def _work(self, method: str, path: list[str], given: Any) -> None:
        match [method, *path]:
            case ["POST", "indexes"]:
                if given["uid"] in self.indexes:
                    raise Refusal(400, "index_already_exists")
                self.indexes[given["uid"]] = Index()
            case ["DELETE", "indexes", uid]:
                self._index(uid)
                del self.indexes[uid]
            case ["PATCH", "indexes", uid, "settings"]:
                unknown = {r for r in given["rankingRules"] if r not in RULES and not r.endswith(":desc")}
                if unknown:
                    raise Refusal(400, "invalid_settings_ranking_rules")
                index = self.indexes.setdefault(uid, Index())
                self.bare[len(self.tasks)] = lambda: index.__setattr__("settings", given)
            case ["POST", "indexes", uid, "documents"]:
                for document in given:
                    if (
                        not re.fullmatch("[A-Za-z0-9_-]{1,511}", document["id"])
                        or "\0" in document["card"]["summary"]
                    ):
                        raise Refusal(400, "invalid_document_id", f"of {document['id']}")
                self._index(uid).documents |= {document["id"]: document for document in given}
            case ["POST", "indexes", uid, "documents", "delete-batch"]:
                for id in given:
                    self._index(uid).documents.pop(id, None)
            case ["POST", "swap-indexes"]:
                for swap in given:
                    one, two = swap["indexes"]
                    first, second = self._index(one), self._index(two)
                    self.indexes |= {one: second, two: first}
            case _:
                raise Refusal(404, "not_found", "/".join(path))

    def _index(self, uid: str) -> Index:
        if uid not in self.indexes:
            raise Refusal(404, "index_not_found", f"Index `{uid}` not found.")
        return self.indexes[uid]

    def _search(self, asked: dict[str, Any]) -> dict[str, Any]:
        index = self._index(asked["indexUid"])
        usable = set(index.settings.get("filterableAttributes", []))
        if set(asked.get("facets", [])) - usable:
            raise Refusal(400, "invalid_search_facets")
        kept = [
            document
            for document in index.documents.values()
            if all(Filter(text, usable).passes(document) for text in asked.get("filter", []))
        ]
        words = asked["q"].split()[:10]
        query = Query(index.settings, words, list(index.documents.values()), not asked["q"].endswith(" "))
        found = [
            (rank, document)
            for document in kept
            if (rank := query.rank(document, asked.get("matchingStrategy", "last"))) is not None
            and rank[0] >= asked.get("rankingScoreThreshold", 0.0)
        ]
        sort = [part.removesuffix(":desc") for part in asked.get("sort", [])]
        if set(sort) - set(index.settings["sortableAttributes"]):
            raise Refusal(400, "invalid_search_sort")
        custom = [r.removesuffix(":desc") for r in index.settings["rankingRules"] if r.endswith(":desc")]

        def order(entry: tuple[tuple[float, ...], Document]) -> list[float]:
            rank, document = entry
            return [-document[n] for n in sort] + [-part for part in rank] + [-document[n] for n in custom]

        found.sort(key=order)
        low = asked.get("offset", 0)
        size = asked.get("hitsPerPage", asked.get("limit", 20))
        shown = index.settings["displayedAttributes"]
        wanted = [n for n in asked.get("attributesToRetrieve", shown) if n in shown]
        hits = [
            {**{n: document[n] for n in wanted}, "_rankingScore": rank[0]}
            for rank, document in found[low : low + size]
        ]
        told: dict[str, Any] = {"hits": hits, "estimatedTotalHits": len(found)}
        if "facets" in asked:
            told["facetDistribution"] = {name: {} for name in asked["facets"]}
            for name, counts in told["facetDistribution"].items():
                for _, document in found:
                    for value in document[name]:
                        counts[value] = counts.get(value, 0) + 1
        return told


class Query:
    """Words matched, fewest errors, foremost field: as much of the ranking as is written out here."""

    def __init__(
        self, settings: dict[str, Any], words: list[str], documents: list[Document], beginning: bool
    ) -> None:
        self._beginning = beginning
        self._fields: list[str] = settings["searchableAttributes"]
        self._strict = set(settings["typoTolerance"]["disableOnAttributes"])
        self._words = words
        self._alternatives: dict[int, list[list[str]]] = {}
        for key, others in settings["synonyms"].items():
            run = key.split()
            for start in range(len(words) - len(run) + 1):
                if words[start : start + len(run)] == run:
                    for place in range(start, start + len(run)):
                        self._alternatives[place] = [other.split() for other in others]
        held = [sum(self._best(d, i) is not None for d in documents) for i in range(len(words))]
        self._rarest = sorted(range(len(words)), key=lambda i: held[i])

    def rank(self, document: Document, strategy: str) -> tuple[float, ...] | None:
        if not self._words:
            return (1.0,)
        best = {i: b for i in range(len(self._words)) if (b := self._best(document, i)) is not None}
        order = self._rarest if strategy == "frequency" else range(len(self._words))
        matched: list[tuple[int, int]] = []
        for i in order:
            if i not in best:
                break
            matched.append(best[i])
        if not matched or (strategy == "all" and len(matched) < len(self._words)):
            return None
        typos, place = sum(t for t, _ in matched), sum(f for _, f in matched)
        inner = 1 / (1 + 100 * typos + place)
        return ((len(matched) - 1 + inner) / len(self._words), -typos, -place)

    def _best(self, document: Document, place: int) -> tuple[int, int] | None:
        """(typing errors, field) of the best match of one word."""
        word = self._words[place]
        slack = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
        found = []
        for number, field in enumerate(self._fields):
            held = set(document[field].split())
            last = self._beginning and place == len(self._words) - 1
            prefix = last and any(one.startswith(word) for one in held)
            if word in held or prefix:
                found.append((0, number))
            elif field not in self._strict and any(within(one, word, slack) for one in held):
                found.append((1, number))
            if any(set(other) <= held for other in self._alternatives.get(place, [])):
                found.append((0, number))
        return min(found, default=None)


class Filter:
    """`a = "x"`, `a < 1`, `AND`, `OR` and brackets; AND binds closer."""

    def __init__(self, text: str, usable: set[str]) -> None:
        self._tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[()<=]|[\w.-]+', text)
        self._usable = usable

    def passes(self, document: Document) -> bool:
        self._at = 0
        passed = self._either(document)
        if self._at != len(self._tokens):
            raise Refusal(400, "invalid_search_filter")
        return passed

    def _either(self, document: Document) -> bool:
        passed = self._both(document)
        while self._take("OR"):
            passed = self._both(document) or passed
        return passed

    def _both(self, document: Document) -> bool:
        passed = self._one(document)
        while self._take("AND"):
            passed = self._one(document) and passed
        return passed

    def _one(self, document: Document) -> bool:
        if self._take("("):
            passed = self._either(document)
            if not self._take(")"):
                raise Refusal(400, "invalid_search_filter")
            return passed
        name, sign, value = self._tokens[self._at : self._at + 3]
        self._at += 3
        if name not in self._usable:
            raise Refusal(400, "invalid_search_filter", f"Attribute `{name}` is not filterable.")
        held = document[name]
        if sign == "<":
            return bool(held < int(value))
        if isinstance(held, list):
            return json.loads(value) in held
        return bool(held == int(value))

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False
