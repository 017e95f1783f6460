"""Every setting of the service, read from ``ZHIHAO_*``. Every limit of the product is a number here.

Unset means embedded. ``deploy/.env.example`` lists them all; a test keeps it complete.
"""

from decimal import Decimal
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
    price_change_notice_days: int = Field(30, ge=0)
    """The least notice of a dearer price that a creator may give to those who have subscribed."""
    price_change_notice_max_days: int = Field(366, ge=0)
    change_sweep_seconds: int = Field(600, ge=1)
    """How often changes of subscriptions are looked for whose time has come."""
    terms_version: str = "1"
    """Kept with each checkout, beside the text that was shown."""
    terms_required: bool = False
    """Whether buyers tick a box for the terms of service, whose address Stripe's dashboard must name."""
    price_passages: int = Field(2, ge=0)
    """Per unit of the meter ``passages``."""
    price_answers: int = Field(20, ge=0)
    """Per unit of the meter ``answers``."""
    included_passages: int = Field(0, ge=0)
    included_answers: int = Field(0, ge=0)
    """Units of each meter that cost an organization nothing each month, under contracts made from now on."""
    creator_metered_share_bps: int = Field(5000, ge=0, le=10_000)
    """The share of a metered call's standard price that accrues to the creators it drew from."""
    share_own_bps: int = Field(0, ge=0, le=10_000)
    """What is left of a creator's share of calls by an organization that they are a member of."""
    share_untouched_amount: int = Field(1_000_000, ge=0)
    """What a creator may always accrue from one organization in a month."""
    share_organization_max_bps: int = Field(5000, ge=0, le=10_000)
    """Beyond that: the most of what a creator accrues in a month that one organization may give."""
    pool_bps: int = Field(1000, ge=0, le=10_000)
    """Of the platform's net take of a month, for the creators whose free content was read. Operators may set
    another."""
    pool_close_days: int = Field(5, ge=0)
    """After a month's end, when its pool is divided."""
    pool_sweep_seconds: int = Field(3600, ge=60)
    pool_creator_max_bps: int = Field(3000, ge=0, le=10_000)
    """The most of a pool that one creator may have."""
    pool_min_readers: int = Field(10, ge=0)
    """A creator with fewer readers in the month has nothing of its pool."""
    pool_account_min_hours: int = Field(72, ge=0)
    """How old an account must be to count as a reader."""
    pool_accounts_per_network: int = Field(20, ge=1)
    """The most readers of one network that count in a month."""
    pool_anonymous_readers: bool = True
    """Whether the readers of a network who are not signed in count, together, as one."""
    reservation_seconds: int = Field(300, ge=1)
    gate_batch_size: int = Field(64, ge=1)
    gate_wait_milliseconds: float = Field(1.0, ge=0)
    gate_queue_limit: int = Field(1024, ge=1)
    gate_groups: int = Field(2, ge=1)
    """How many groups of one process are admitted at a time, and how many settled."""
    reservation_sweep_seconds: int = Field(10, ge=1)
    usage_report_seconds: int = Field(60, ge=1)
    spend_alert_percents: str = "50,80,100"
    """Comma-separated shares of a cap, in percent, that its organization is told of once a month each."""
    partition_months_ahead: int = Field(2, ge=1, le=24)
    """For how many months to come usage has its tables ready."""
    partition_seconds: int = Field(3600, ge=60)
    invoice_grace_hours: int = Field(24, ge=1, le=72)
    """How long after its month an organization's invoice stays a draft that takes late usage."""
    usage_check_seconds: int = Field(3600, ge=60)
    usage_check_margin_seconds: int = Field(600, ge=0)
    """How long Stripe may take to count what it was told, before an hour is compared."""
    payout_hold_days: int = Field(7, ge=0)
    """How long what was earned waits before it is paid out: most disputes and refunds come early."""
    payout_run_seconds: int = Field(3600, ge=60)
    payout_batch_creators: int = Field(200, ge=1)
    """Planned in one transaction."""
    payout_netted_day: int = Field(10, ge=1, le=28)
    """The day of the month (UTC) from which that month's netted payments are made."""
    payout_minimums: str = "cny:10000,usd:1500,eur:1500,gbp:1500,jpy:2000,hkd:10000"
    """The least of a netted payment, by currency in its minor units; of others, 1."""
    onboarding_days: int = Field(30, ge=0)
    """After a creator's first sale, how long they may go on selling with nowhere to be paid to."""
    processing_fee_bps: int = Field(290, ge=0, le=10_000)
    """What a card payment is reckoned to cost, shown before a price is chosen: in basis points,"""
    processing_fee_fixed: str = (
        "usd:30,cny:213,hkd:234,twd:960,mop:240,sgd:40.5,myr:132,eur:27.6,gbp:23.7,chf:26.4,cad:41.1,aud:45.6,"
        "nzd:49.8,jpy:45,krw:414,thb:1020,vnd:7500,inr:2520,idr:480000,php:1740,bhd:112.8,kwd:92.1,sek:315,"
        "nok:324,dkk:207,brl:162,mxn:555"
    )
    """and a fixed part by currency, in its minor units."""
    refund_sweep_seconds: int = Field(60, ge=1)
    refund_on_fraud_warning: bool = False
    """Whether a payment that its card's issuer calls fraud is given back before it is disputed."""
    dispute_creator_fault_reasons: str = (
        "product_not_received,product_unacceptable,subscription_canceled,credit_not_processed"
    )
    """Comma-separated; the fee of a dispute lost for one of these is the creator's, if no operator says
    otherwise."""
    webhook_sweep_seconds: int = Field(60, ge=1)
    webhook_max_attempts: int = Field(12, ge=1)
    invariant_check_seconds: int = Field(3600, ge=60)
    """How often the quick checks of the doctor run, and the processor's balance is read."""
    invariant_check_all_seconds: int = Field(86_400, ge=60)
    """How often all of its checks do: they read all of history."""

    stripe_api_key: SecretStr = SecretStr("")
    stripe_webhook_secrets: SecretStr = SecretStr("")
    """Comma-separated, newest first; two during a rotation."""
    stripe_thin_webhook_secrets: SecretStr = SecretStr("")
    """The same of the endpoint for thin events; unset, the other endpoint's are taken there too."""
    stripe_api_base: str = ""
    """Set to the sandbox's address when there is no Stripe account."""
    stripe_timeout_seconds: float = Field(10.0, gt=0)
    stripe_automatic_tax: bool = False
    """Whether Stripe computes tax, which wants registrations in the Stripe account."""
    platform_country: str = "US"

    # --- webhooks out -----------------------------------------------------------------------------
    outgoing_retry_seconds: str = "5,300,1800,7200,18000,36000,50400,72000,86400"
    """The waits between tries of one event; after the last it is given up."""
    outgoing_disable_days: float = Field(5.0, gt=0)
    """How long an endpoint may fail, with nothing delivered, before it is disabled."""
    outgoing_timeout_seconds: float = Field(15.0, gt=0)
    outgoing_response_bytes: int = Field(2048, ge=0)
    """Of an endpoint's answer, kept for its owner."""
    outgoing_concurrency: int = Field(32, ge=1)
    outgoing_per_endpoint: int = Field(4, ge=1)
    """Tries under way at once to one endpoint; of one object always one."""
    outgoing_sweep_seconds: int = Field(5, ge=1)
    outgoing_kept_days: int = Field(30, ge=1)
    outgoing_max_endpoints: int = Field(20, ge=1)
    """Of one creator or organization."""
    outgoing_replay_max: int = Field(10_000, ge=1)
    outgoing_overlap_max_seconds: int = Field(7 * 24 * 3600, ge=0)
    egress_ports: str = "80,443,8080,8443"
    """To which requests go that strangers name an address for: webhooks and imports."""
    egress_allow_loopback: bool = False
    """For trying things out on one machine: such requests may go to this machine. Not in production."""

    # --- mail -------------------------------------------------------------------------------------
    mail_smtp_host: str = ""
    """Unset: letters are files in the folder ``mail`` of the data folder."""
    mail_smtp_port: int = Field(587, ge=1, le=65_535)
    mail_smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    mail_smtp_username: str = ""
    mail_smtp_password: SecretStr = SecretStr("")
    mail_from: str = "Zhihao <no-reply@localhost>"
    mail_timeout_seconds: float = Field(20.0, gt=0)
    mail_concurrency: int = Field(4, ge=1)
    mail_max_attempts: int = Field(12, ge=1)
    mail_sweep_seconds: int = Field(30, ge=1)
    mail_kept_days: int = Field(90, ge=1)
    renewal_notice_days: int = Field(7, ge=0)
    """How long before a yearly renewal its holder is told."""
    renewal_notice_intervals: str = "year"
    """Comma-separated: plans of these intervals, of ``month`` and ``year``, are told of."""
    trial_notice_days: int = Field(3, ge=0)
    """How long before a trial turns into a paid period its holder is told."""
    renewal_notice_seconds: int = Field(3600, ge=60)

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

    @property
    def mail_dir(self) -> Path:
        return self.data_dir / "mail"

    def processor_config(self) -> ProcessorConfig:
        """What the payment processor's adapter is told."""
        return ProcessorConfig(
            api_key=self.stripe_api_key.get_secret_value(),
            api_base=self.stripe_api_base or None,
            timeout_seconds=self.stripe_timeout_seconds,
            automatic_tax=self.stripe_automatic_tax,
        )

    @property
    def alert_percents(self) -> tuple[int, ...]:
        return tuple(sorted({int(percent) for percent in _listed(self.spend_alert_percents)}))

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return _listed(self.stripe_webhook_secrets.get_secret_value())

    @property
    def creator_fault_reasons(self) -> frozenset[str]:
        return frozenset(_listed(self.dispute_creator_fault_reasons))

    @property
    def noticed_intervals(self) -> tuple[str, ...]:
        return _listed(self.renewal_notice_intervals)

    @property
    def outgoing_waits(self) -> tuple[float, ...]:
        return tuple(float(wait) for wait in _listed(self.outgoing_retry_seconds))

    @property
    def egress_port_numbers(self) -> frozenset[int]:
        return frozenset(int(port) for port in _listed(self.egress_ports))

    def payout_minimum(self, currency: str) -> int:
        """The least of a netted payment, in minor units."""
        return int(_by_currency(self.payout_minimums).get(currency, 1))

    def processing_fee_of(self, currency: str) -> Decimal | None:
        """The fixed part of what a card payment costs, in minor units; None where it is not known."""
        return _by_currency(self.processing_fee_fixed).get(currency)

    def webhook_secrets_of(self, endpoint: Literal["snapshot", "thin"]) -> tuple[str, ...]:
        """Those that sign what comes to this endpoint."""
        thin = _listed(self.stripe_thin_webhook_secrets.get_secret_value())
        return thin if endpoint == "thin" and thin else self.webhook_secrets

    @property
    def operators(self) -> frozenset[str]:
        return frozenset(email.lower() for email in _listed(self.operator_emails))


def _listed(value: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in value.split(",") if item.strip())


def _by_currency(value: str) -> dict[str, Decimal]:
    pairs = (item.partition(":") for item in _listed(value))
    return {currency.strip().lower(): Decimal(amount.strip()) for currency, _, amount in pairs}
