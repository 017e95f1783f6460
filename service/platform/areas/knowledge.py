"""Settings of what creators bring in."""

from pydantic import BaseModel, Field

from service.platform.areas.values import MEBIBYTE, listed


class KnowledgeSettings(BaseModel):
    import_max_files: int = Field(5000, ge=1)
    import_max_file_bytes: int = Field(64 * MEBIBYTE, ge=1)
    import_max_total_bytes: int = Field(1024 * MEBIBYTE, ge=1)
    import_max_ratio: int = Field(200, ge=1)
    """How many times larger than its archive the unpacked content may be."""
    document_max_characters: int = Field(10_000_000, ge=1)
    document_max_blocks: int = Field(300_000, ge=1)
    """Paragraphs and rows of one document."""
    document_max_unpacked_bytes: int = Field(512 * MEBIBYTE, ge=1)
    """What an office file or a book may unpack to."""
    parse_memory_bytes: int = Field(1024 * MEBIBYTE, ge=64 * MEBIBYTE)
    """Of the process that reads a large file; a small one has less."""
    parse_cpu_seconds: int = Field(60, ge=1)
    parse_wall_seconds: int = Field(120, ge=1)
    """Over these, a file is refused."""
    ocr_command: str = ""
    """Reads the image on its input and writes the text: ``tesseract stdin stdout -l chi_sim+eng``."""
    knowledge_base_max_documents: int = Field(100_000, ge=1)
    document_batch: int = Field(16, ge=1)
    """Held in memory together by what goes through a knowledge base: its index, outlines and vectors."""
    outline_max_nodes: int = Field(3000, ge=1)
    """Of one outline: of many documents, each is shown with less of its own."""
    outline_wait_seconds: float = Field(1.5, gt=0)
    """How long a call draws outlines that are missing; a job draws the rest."""
    outline_model_characters: int = Field(16_000, ge=1000)
    """Of one text, put before the model to outline."""
    packaging_documents: int = Field(200, ge=1)
    """Of a knowledge base, read for what is suggested to its creator."""
    packaging_characters: int = Field(60_000, ge=1000)
    """Of all these together."""
    packaging_model_characters: int = Field(16_000, ge=1000)
    """Of these, put before the model."""
    packaging_sample_questions: int = Field(5, ge=1)
    packaging_candidates: int = Field(20, ge=1)
    """Questions tried, to find as many that are answered."""

    import_concurrency: int = Field(64, ge=1)
    """Items of one import under way at a time, and files of it being stored."""
    import_ports: str = "80,443"
    """Of addresses that are imported from."""
    import_fetch_bytes: int = Field(16 * MEBIBYTE, ge=1)
    """Of one page or feed, unpacked."""
    import_fetch_seconds: float = Field(30.0, gt=0)
    """For one address, redirects included."""
    import_fetch_redirects: int = Field(5, ge=0)
    import_fetch_concurrency: int = Field(8, ge=1)
    """Of hosts; from one host there is always one fetch at a time."""
    import_host_pause_seconds: float = Field(0.2, ge=0)
    """Between two fetches from one host."""
    sources_max: int = Field(500, ge=1)
    """Kept in step for one knowledge base."""
    source_check_seconds: int = Field(3600, ge=1)
    """How often a source is looked at; one that fails, less and less often, down to once a day."""
    source_sweep_seconds: int = Field(60, ge=1)
    """How often sources are looked for whose time has come."""
    chat_gap_minutes: int = Field(120, ge=1)
    """A silence this long ends a conversation of a chat."""
    minutes_model_characters: int = Field(60_000, ge=1000)
    """Of a transcript, for one request to the model; a longer one takes several."""
    minutes_model_requests: int = Field(20, ge=1)
    """For one transcript; what is longer has its minutes drawn word for word."""

    @property
    def import_port_numbers(self) -> frozenset[int]:
        return frozenset(int(port) for port in listed(self.import_ports))
