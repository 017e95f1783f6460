"""Cards and documents that the suite puts into engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from elasticsearch import AsyncElasticsearch

from search.engine.elasticsearch_client import show
from search.engine.port import Card, CardPage, IndexDocument, PassageHit
from search.passages.cutting import Block, cut
from search.passages.scope import AccessScope, IndexView, Tier

DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)


def card(number: int, title: str, summary: str = "", **given: Any) -> Card:
    facts: dict[str, Any] = {
        "creator_handle": f"hand{number}", "creator_name": "王小明", "category": "技术", "tags": ["编程"],
        "language": "zh", "free": False, "popularity": 0, "published_at": DAY_ONE + timedelta(days=number),
    }  # fmt: skip
    return Card(id=UUID(int=number), slug=f"kb-{number}", title=title, summary=summary, **{**facts, **given})


def found(page: CardPage) -> list[int]:
    return [hit.id.int for hit in page.hits]


def document(
    number: int, text: str, *, base: UUID = ONE, paid: bool = True, revision: int = 1, title: str = ""
) -> IndexDocument:
    passages = cut(text, [Block(0, len(text), "paragraph", {"heading_path": []})]) if text else []
    return IndexDocument(
        UUID(int=number), UUID(int=number * 1000 + revision), base, title or f"文件{number}",
        "paid" if paid else "free", "zh", passages,
    )  # fmt: skip


def scope(
    *bases: UUID, tier: Tier = "all", generation: int = 0, excluded: set[UUID] | None = None
) -> AccessScope:
    return AccessScope(tuple(IndexView(b, tier, generation, frozenset(excluded or ())) for b in bases))


def seen(hits: list[PassageHit]) -> list[tuple[object, ...]]:
    return [(h.document_id, h.revision_id, h.start, h.end, h.score, h.matched, h.weights) for h in hits]


async def unreachable(client: AsyncElasticsearch, alias: str) -> None:
    """An index behind the alias that no node holds."""
    away = {"index.routing.allocation.require._name": "no-such-node"}
    await client.indices.create(index=f"{alias}-away", settings=away, wait_for_active_shards="0")
    await show(client, f"{alias}-away", alias)
