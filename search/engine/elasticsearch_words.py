"""The words of passages in scope that a mistyped one may have been meant as, from Elasticsearch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elasticsearch import AsyncElasticsearch

from search.engine.analysed import CANDIDATES
from search.mistyping import near, slack


async def words_near(
    client: AsyncElasticsearch, where: Mapping[str, Any], scope: Any, lost: Sequence[str]
) -> list[str]:
    """Each answer shows some of them; it is asked again without those, until there are no others. So all are
    found, of the scope alone: a list that the server cuts off would tell what lies elsewhere."""
    found: set[str] = set()
    while True:
        answer = await client.search(
            **where,
            query={
                "bool": {
                    "filter": [scope],
                    "should": [{"fuzzy": {"body": _mistyped(word)}} for word in lost],
                    "minimum_should_match": 1,
                    "must_not": [{"terms": {"body": sorted(found)}}],
                }
            },
            size=CANDIDATES,
            source={"includes": ["passage"]},
            track_total_hits=False,
        )
        passages = [hit["_source"]["passage"] for hit in answer["hits"]["hits"]]
        words = {word for passage in passages for word in passage["words"].split()}
        shown = {one for word in lost for one in near(word, words)} - found
        if not shown:
            return sorted(found)
        found |= shown


def _mistyped(word: str) -> dict[str, Any]:
    """By default the server takes the fifty nearest words of its index; rewritten so, it takes all."""
    return {"value": word, "fuzziness": slack(word), "prefix_length": 1, "rewrite": "constant_score"}
