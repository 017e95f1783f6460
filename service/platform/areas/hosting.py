"""Settings of where things are: the process, its database, its jobs, its files."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from service.platform.areas.values import number


class HostingSettings(BaseModel):
    env: Literal["development", "production"] = "development"
    data_dir: Path = Path(".zhihao")
    """All embedded state: database, indexes, blobs, secrets."""
    public_url: str = "http://127.0.0.1:8000"
    """The address people reach the service by; links and redirects are built from it."""
    secret_key: SecretStr = SecretStr("")
    """Signs tokens and seals secrets. Embedded, one is made and kept in the data folder."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"

    blobs_url: str = ""
    """``s3://``, ``gs://``, ``az://`` or ``file://``; unset: a folder of the data folder."""

    database_url: str = ""
    database_pool_size: int = Field(10, ge=1)
    database_max_overflow: int = Field(10, ge=0)
    database_pool_timeout_seconds: float = Field(5.0, gt=0)
    postgres_version: Annotated[Literal[16, 18], BeforeValidator(number)] = 18
    """Which of the wheel's two servers the embedded mode runs."""

    job_concurrency: int = Field(4, ge=1)
    job_poll_seconds: float = Field(0.25, gt=0)
    job_heartbeat_seconds: float = Field(2.0, gt=0)
    job_stalled_seconds: float = Field(6.0, gt=0)
    sweep_batch: int = Field(500, ge=1)
    """Taken up together, in one transaction or one round, by whatever works through a long list."""

    @property
    def embedded_database(self) -> bool:
        return not self.database_url

    @property
    def postgres_dir(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def index_dir(self) -> Path:
        return self.data_dir / "indexes"

    @property
    def mail_dir(self) -> Path:
        return self.data_dir / "mail"
