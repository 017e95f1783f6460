"""Settings of what creators bring in."""

from pydantic import BaseModel, Field

from service.platform.areas.values import MEBIBYTE


class KnowledgeSettings(BaseModel):
    import_max_files: int = Field(5000, ge=1)
    import_max_file_bytes: int = Field(64 * MEBIBYTE, ge=1)
    import_max_total_bytes: int = Field(1024 * MEBIBYTE, ge=1)
    import_max_ratio: int = Field(200, ge=1)
    """How many times larger than its archive the unpacked content may be."""
    document_max_characters: int = Field(10_000_000, ge=1)
    knowledge_base_max_documents: int = Field(100_000, ge=1)
    outline_max_nodes: int = Field(3000, ge=1)
    """Of one outline: of many documents, each is shown with less of its own."""
    outline_wait_seconds: float = Field(1.5, gt=0)
    """How long a call draws outlines that are missing; a job draws the rest."""
    outline_model_characters: int = Field(16_000, ge=1000)
    """Of one text, put before the model to outline."""
