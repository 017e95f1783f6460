"""Settings of search."""

from pydantic import BaseModel, Field


class FindingSettings(BaseModel):
    search_url: str = ""
    search_open_indexes: int = Field(64, ge=1)
    query_max_characters: int = Field(2000, ge=1)
    passages_max_top_k: int = Field(50, ge=1)
    knowledge_bases_per_request: int = Field(50, ge=1)
