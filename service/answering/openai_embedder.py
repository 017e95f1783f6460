"""Vectors by any server that speaks OpenAI's embeddings."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from search.passages.embedder import EmbedderUnavailable, TextsRefused

log = structlog.get_logger(__name__)

REFUSING = frozenset({400, 413, 422})
"""What servers answer to texts that they do not take."""


@dataclass(frozen=True, slots=True)
class EmbedderConfig:
    """``base_url`` empty means OpenAI's own."""

    name: str
    base_url: str
    api_key: str


class OpenAIEmbedder:
    """An ``Embedder``. Connections are pooled, so one serves the whole process."""

    def __init__(self, config: EmbedderConfig) -> None:
        # Imported here because it takes a second and 50 MB that services without a model can spare.
        from openai import AsyncOpenAI

        self._config = config
        self._client: AsyncOpenAI = AsyncOpenAI(
            base_url=config.base_url or None,
            # Local servers want no key, the SDK insists on some.
            api_key=config.api_key or "none",
            max_retries=0,
        )

    @property
    def name(self) -> str:
        return self._config.name

    async def embed(self, texts: Sequence[str], *, seconds: float) -> list[list[float]]:
        from openai import APIStatusError

        try:
            async with asyncio.timeout(seconds):
                answer = await self._client.embeddings.create(
                    model=self._config.name, input=list(texts), encoding_format="float", timeout=seconds
                )
            return _vectors([(one.index, one.embedding) for one in answer.data], len(texts))
        except APIStatusError as error:
            log.warning("embedder.failed", status=error.status_code)
            if error.status_code in REFUSING:
                raise TextsRefused(f"The embedder answered {error.status_code}.") from error
            raise EmbedderUnavailable(f"The embedder answered {error.status_code}.") from error
        except Exception as error:  # whatever a server sends, and however the SDK takes it
            log.warning("embedder.failed", error=type(error).__name__)
            raise EmbedderUnavailable(f"The embedder failed: {type(error).__name__}.") from error

    async def close(self) -> None:
        await self._client.close()


def _vectors(found: Sequence[tuple[int, Sequence[float]]], count: int) -> list[list[float]]:
    """In the order of the texts, each of length 1. Raises ``ValueError`` for anything else."""
    placed = dict(found)
    if len(found) != count or sorted(placed) != list(range(count)):
        raise ValueError("not one vector for each text")
    vectors = []
    for place in range(count):
        vector = [float(value) for value in placed[place]]
        length = math.sqrt(math.fsum(value * value for value in vector))
        if not (0 < length < math.inf) or len(vector) != len(placed[0]):
            raise ValueError("not a vector with a direction")
        vectors.append([value / length for value in vector])
    return vectors
