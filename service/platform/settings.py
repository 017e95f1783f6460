"""Every setting of the service, read from ``ZHIHAO_*``. Every limit of the product is a number here.

Unset means embedded. ``deploy/.env.example`` lists them all; a test keeps it complete.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from billing.processor.config import ProcessorConfig

MEBIBYTE = 1024 * 1024


def _number(value: object) -> object:
    """A number out of the environment is text, which a ``Literal`` of numbers would refuse."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class Settings(BaseSettings):
    """Values are in the units their names or comments give; money is in minor units of ``currency``."""

    model_config = SettingsConfigDict(env_prefix="ZHIHAO_", extra="ignore")

    # --- where things are -------------------------------------------------------------------------
    env: Literal["development", "production"] = "development"
    data_dir: Path = Path(".zhihao")
    """All embedded state: database, indexes, blobs, secrets."""
    public_url: str = "http://127.0.0.1:8000"
    """The address people reach the service by; links and redirects are built from it."""
    secret_key: SecretStr = SecretStr("")
    """Signs tokens and seals secrets. Embedded, one is made and kept in the data folder."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"

    # --- database ---------------------------------------------------------------------------------
    database_url: str = ""
    database_pool_size: int = Field(10, ge=1)
    database_max_overflow: int = Field(10, ge=0)
    database_pool_timeout_seconds: float = Field(5.0, gt=0)
    postgres_version: Annotated[Literal[16, 18], BeforeValidator(_number)] = 18
    """Which of the wheel's two servers the embedded mode runs."""

    # --- jobs -------------------------------------------------------------------------------------
    job_concurrency: int = Field(4, ge=1)
    job_poll_seconds: float = Field(0.25, gt=0)
    job_heartbeat_seconds: float = Field(2.0, gt=0)
    job_stalled_seconds: float = Field(6.0, gt=0)

    # --- HTTP -------------------------------------------------------------------------------------
    max_body_bytes: int = Field(4 * MEBIBYTE, ge=1)
    """Of a JSON body. Uploads have their own limit."""
    max_upload_bytes: int = Field(256 * MEBIBYTE, ge=1)
    page_limit_default: int = Field(20, ge=1)
    page_limit_max: int = Field(100, ge=1)
    idempotency_hours: int = Field(24, ge=1)
    idempotency_lease_seconds: int = Field(60, ge=1)
    drain_seconds: float = Field(8.0, ge=0)

    # --- accounts ---------------------------------------------------------------------------------
    access_token_seconds: int = Field(3600, ge=1)
    refresh_token_days: int = Field(30, ge=1)
    password_min_length: int = Field(8, ge=1)
    password_max_length: int = Field(1024, ge=1)
    organization_max_members: int = Field(500, ge=1)
    organization_max_keys: int = Field(1000, ge=1)
    invitation_days: int = Field(14, ge=1)
    purge_seconds: int = Field(3600, ge=60)
    key_rotation_overlap_max_seconds: int = Field(7 * 24 * 3600, ge=0)
    operator_emails: str = ""
    """Comma-separated; these accounts may use ``/operator/v1``."""

    # --- knowledge --------------------------------------------------------------------------------
    import_max_files: int = Field(5000, ge=1)
    import_max_file_bytes: int = Field(64 * MEBIBYTE, ge=1)
    import_max_total_bytes: int = Field(1024 * MEBIBYTE, ge=1)
    import_max_ratio: int = Field(200, ge=1)
    """How many times larger than its archive the unpacked content may be."""
    document_max_characters: int = Field(10_000_000, ge=1)
    knowledge_base_max_documents: int = Field(100_000, ge=1)

    # --- search -----------------------------------------------------------------------------------
    search_url: str = ""
    search_open_indexes: int = Field(64, ge=1)
    query_max_characters: int = Field(2000, ge=1)
    passages_max_top_k: int = Field(50, ge=1)
    knowledge_bases_per_request: int = Field(50, ge=1)

    # --- answers ----------------------------------------------------------------------------------
    openai_base_url: str = ""
    openai_api_key: SecretStr = SecretStr("")
    openai_model: str = ""
    openai_embedding_model: str = ""
    model_idle_timeout_seconds: float = Field(20.0, gt=0)
    model_total_timeout_seconds: float = Field(180.0, gt=0)
    """Of one reply; below ``reservation_seconds``, so that it can still be settled."""
    model_max_output_tokens: int = Field(1024, ge=1)
    answer_passages: int = Field(8, ge=1)
    question_max_characters: int = Field(2000, ge=1)
    extract_max_sentences: int = Field(3, ge=1)

    # --- money ------------------------------------------------------------------------------------
    currency: str = "cny"
    """Of metered prices and of amounts set here."""
    take_rate_bps: int = Field(2000, ge=0, le=10_000)
    """The platform's share of what was paid less tax, in basis points."""
    minimum_charge: int = Field(500, ge=0)
    plan_max_amount: int = Field(100_000_000, ge=1)
    tips_per_hour: int = Field(60, ge=1)
    """Begun by one account, paid or not."""
    trial_max_days: int = Field(90, ge=0)
    pass_max_days: int = Field(3660, ge=1)
    """Of a prepaid pass."""
    grace_days: int = Field(7, ge=0)
    """How long a past-due subscription or invoice keeps its access."""
    price_passages: int = Field(2, ge=0)
    """Per unit of the meter ``passages``."""
    price_answers: int = Field(20, ge=0)
    """Per unit of the meter ``answers``."""
    creator_metered_share_bps: int = Field(5000, ge=0, le=10_000)
    """The share of a metered call's standard price that accrues to the creators it drew from."""
    reservation_seconds: int = Field(300, ge=1)
    gate_batch_size: int = Field(64, ge=1)
    gate_wait_milliseconds: float = Field(1.0, ge=0)
    gate_queue_limit: int = Field(1024, ge=1)
    gate_groups: int = Field(2, ge=1)
    """How many groups of one process are admitted at a time, and how many settled."""
    reservation_sweep_seconds: int = Field(10, ge=1)
    usage_report_seconds: int = Field(60, ge=1)
    webhook_sweep_seconds: int = Field(60, ge=1)
    webhook_max_attempts: int = Field(12, ge=1)

    stripe_api_key: SecretStr = SecretStr("")
    stripe_webhook_secrets: SecretStr = SecretStr("")
    """Comma-separated, newest first; two during a rotation."""
    stripe_api_base: str = ""
    """Set to the sandbox's address when there is no Stripe account."""
    stripe_timeout_seconds: float = Field(10.0, gt=0)
    stripe_automatic_tax: bool = False
    """Whether Stripe computes tax, which wants registrations in the Stripe account."""
    platform_country: str = "US"

    # --- files ------------------------------------------------------------------------------------
    blobs_url: str = ""
    """``s3://``, ``gs://``, ``az://`` or ``file://``; unset: a folder of the data folder."""

    @property
    def embedded_database(self) -> bool:
        return not self.database_url

    @property
    def sandbox(self) -> bool:
        """Whether payments go to the sandbox: there is no Stripe key of one's own."""
        return not self.stripe_api_key.get_secret_value() or bool(self.stripe_api_base)

    @property
    def postgres_dir(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def index_dir(self) -> Path:
        return self.data_dir / "indexes"

    def processor_config(self) -> ProcessorConfig:
        """What the payment processor's adapter is told."""
        return ProcessorConfig(
            api_key=self.stripe_api_key.get_secret_value(),
            api_base=self.stripe_api_base or None,
            timeout_seconds=self.stripe_timeout_seconds,
            automatic_tax=self.stripe_automatic_tax,
        )

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return _listed(self.stripe_webhook_secrets.get_secret_value())

    @property
    def operators(self) -> frozenset[str]:
        return frozenset(email.lower() for email in _listed(self.operator_emails))


def _listed(value: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in value.split(",") if item.strip())
