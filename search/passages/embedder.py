"""The port to a model that turns texts into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class EmbedderUnavailable(Exception):
    """The embedder did not answer, not in time, or not with vectors. Retrieval goes on by words alone."""


class TextsRefused(EmbedderUnavailable):
    """The embedder answers, but would not take these texts: one may be too long for it. Asked again with
    the same texts, it would refuse again."""


class Embedder(Protocol):
    """Vectors of one model; those of another `name` do not compare."""

    @property
    def name(self) -> str:
        """The model, as kept beside each vector."""

    async def embed(self, texts: Sequence[str], *, seconds: float) -> list[list[float]]:
        """A vector of length 1 for each text, in their order, all of the same number of dimensions. Waits
        no longer than `seconds`. Raises `EmbedderUnavailable` and `TextsRefused`."""

    async def close(self) -> None:
        """Let go of connections."""
