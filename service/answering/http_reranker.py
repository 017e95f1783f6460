"""An order of passages by a rerank server: ``POST {base}/rerank``, as Jina, Cohere and vLLM have it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from search.passages.reranker import RerankerUnavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RerankerConfig:
    """``seconds`` is the longest that one order is waited for."""

    base_url: str
    api_key: str
    model: str
    seconds: float


class HttpReranker:
    """A ``Reranker``. Connections are pooled, so one serves the whole process."""

    def __init__(self, config: RerankerConfig) -> None:
        self._config = config
        headers = {"authorization": f"Bearer {config.api_key}"} if config.api_key else {}
        self._client = httpx.AsyncClient(headers=headers, timeout=config.seconds, trust_env=False)

    async def rerank(self, query: str, texts: Sequence[str]) -> list[int]:
        body = {"query": query, "documents": list(texts), "top_n": len(texts)}
        if self._config.model:
            body["model"] = self._config.model
        try:
            async with asyncio.timeout(self._config.seconds):
                answer = await self._client.post(self._config.base_url.rstrip("/") + "/rerank", json=body)
            answer.raise_for_status()
            return _order(answer.json(), len(texts))
        except Exception as error:  # whatever a server sends, and however the client takes it
            log.warning("reranker.failed", error=type(error).__name__)
            raise RerankerUnavailable(f"The reranker failed: {type(error).__name__}.") from error

    async def close(self) -> None:
        await self._client.aclose()


def _order(said: Any, count: int) -> list[int]:
    """Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what is no order of so many texts."""
    scored = [(float(result["relevance_score"]), int(result["index"])) for result in said["results"]]
    order = [index for _, index in sorted(scored, key=lambda one: (-one[0], one[1]))]
    if not order or len(set(order)) != len(order) or not all(0 <= index < count for index in order):
        raise ValueError("not an order of the texts")
    return order + [index for index in range(count) if index not in set(order)]
