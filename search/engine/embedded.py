"""The embedded engines, by the names that wiring knows."""

from search.engine.embedded_cards import EmbeddedCardEngine
from search.engine.embedded_passages import EmbeddedPassageEngine

__all__ = ["EmbeddedCardEngine", "EmbeddedPassageEngine"]
