"""Settings of search."""

from pydantic import BaseModel, Field, SecretStr, field_validator

from search.engine.address import where
from service.platform.areas.values import MEBIBYTE


class FindingSettings(BaseModel):
    search_url: str = ""
    """``meilisearch+http://host:7700`` or ``elasticsearch+https://one:9200,two:9200``; unset is embedded."""
    search_api_key: SecretStr = SecretStr("")
    search_username: str = ""
    search_password: SecretStr = SecretStr("")
    search_ca_file: str = ""
    search_prefix: str = Field("zhihao", pattern="^[a-z0-9][a-z0-9-]{0,40}$")
    """Begins the name of every index on a search server."""
    search_shards: int = Field(1, ge=1, le=1024)
    search_replicas: int = Field(0, ge=0, le=10)
    search_timeout_seconds: float = Field(3.0, gt=0)
    search_write_timeout_seconds: float = Field(60.0, gt=0)
    search_bulk_documents: int = Field(500, ge=1)
    search_bulk_bytes: int = Field(8 * MEBIBYTE, ge=1)
    """What is sent to a search server at a time, and so the most that waits."""
    search_retries: int = Field(6, ge=0)
    """Of a write that a search server has no room for; waits begin at half a second and double."""
    search_rest_after_timeouts: int = Field(5, ge=1)
    search_rest_seconds: float = Field(5.0, ge=0)
    """After so many timeouts in a row a search server is left alone this long, and searches fail at once."""
    search_synonyms_file: str = ""
    """One group a line, terms parted by commas; read in place of the built-in list."""
    search_open_indexes: int = Field(64, ge=1)
    popularity_refresh_seconds: int = Field(3600, ge=1)
    """How often the readers of the last 30 days are counted that the square ranks by."""
    query_max_characters: int = Field(2000, ge=1)
    passages_max_top_k: int = Field(50, ge=1)
    passages_spare: int = Field(8, ge=0)
    """Passages looked for beyond those asked for: to join with their neighbours, or to vary what is given."""
    passages_of_document: int = Field(3, ge=0)
    """Of one document before those of others that score half as high; 0: the best, whosever they are."""
    joined_passage_size: int = Field(1000, ge=0)
    """Neighbours in one part of a text are joined up to this size, in Chinese characters (a word of a spaced
    script is 2.5); 0: never."""
    knowledge_bases_per_request: int = Field(50, ge=1)

    @field_validator("search_url")
    @classmethod
    def _names_an_engine(cls, value: str) -> str:
        where(value)
        return value
