"""The port to a model that reads a question and passages together, and says which answer it best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class RerankerUnavailable(Exception):
    """The reranker did not answer, not in time, or not with an order. The passages stay as they are."""


class Reranker(Protocol):
    """Orders the texts it is handed; it adds none."""

    async def rerank(self, query: str, texts: Sequence[str]) -> list[int]:
        """Positions in `texts`, best first; those it leaves out come after, in their order. Raises
        `RerankerUnavailable`."""

    async def close(self) -> None:
        """Let go of connections."""
