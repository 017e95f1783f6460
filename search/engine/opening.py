"""The engines that an address asks for.

A server's client is loaded where that server is chosen: every process would else wait for libraries that it
does not use.
"""

from __future__ import annotations

from search.engine.config import EngineConfig
from search.engine.embedded import EmbeddedCardEngine, EmbeddedPassageEngine
from search.engine.port import CardEngine, PassageEngine


def open_passages(config: EngineConfig) -> PassageEngine:
    """Elasticsearch, or embedded: Meilisearch reads ten words of a question and no more."""
    if config.where.kind == "elasticsearch":
        from search.engine.elasticsearch_passages import ElasticsearchPassageEngine

        return ElasticsearchPassageEngine(config)
    return EmbeddedPassageEngine(config.folder / "passages", open_indexes=config.open_indexes)


def open_cards(config: EngineConfig) -> CardEngine:
    if config.where.kind == "elasticsearch":
        from search.engine.elasticsearch_cards import ElasticsearchCardEngine

        return ElasticsearchCardEngine(config)
    if config.where.kind == "meilisearch":
        from search.engine.meilisearch_cards import MeilisearchCardEngine

        return MeilisearchCardEngine(config)
    return EmbeddedCardEngine(config.folder / "cards", synonyms=config.synonyms)
