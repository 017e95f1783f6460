"""Builds the parts of a service from its settings, once a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from billing.processor.config import ProcessorConfig
from billing.processor.stripe_gateway import StripeGateway
from search.engine.address import where
from search.engine.config import EngineConfig
from search.engine.opening import open_cards, open_passages
from search.square.cards import USUAL
from search.square.synonyms import Synonyms
from service.answering.http_reranker import HttpReranker, RerankerConfig
from service.answering.openai_embedder import EmbedderConfig, OpenAIEmbedder
from service.answering.openai_model import ModelConfig, OpenAIModel
from service.mail.files import FileMail
from service.mail.port import Mail
from service.mail.smtp import SmtpConfig, SmtpMail
from service.platform.blobs import Blobs
from service.platform.database import Database
from service.platform.egress import Egress
from service.platform.settings import Settings
from service.usecases.context import Context
from service.usecases.fetch_import import open_fetcher
from service.usecases.open_gate import open_gate
from service.usecases.owned_tasks import drain


@asynccontextmanager
async def wired(settings: Settings) -> AsyncIterator[Context]:
    """The context of one process, with everything closed at the end."""
    database = Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
        pool_timeout=settings.database_pool_timeout_seconds,
    )
    engines = _engine_config(settings)
    passages, cards = open_passages(engines), open_cards(engines)
    payments = StripeGateway(
        ProcessorConfig(
            api_key=settings.stripe_api_key.get_secret_value(),
            api_base=settings.stripe_api_base or None,
            timeout_seconds=settings.stripe_timeout_seconds,
        )
    )
    model = OpenAIModel(_model_config(settings)) if settings.openai_model else None
    embedder, reranker = _embedder(settings), _reranker(settings)
    gate = open_gate(database, settings)
    try:
        yield Context(
            settings=settings,
            database=database,
            payments=payments,
            passages=passages,
            cards=cards,
            blobs=Blobs.open(settings.blobs_url, settings.data_dir / "blobs"),
            model=model,
            gate=gate,
            egress=Egress(ports=settings.egress_port_numbers, allow_loopback=settings.egress_allow_loopback),
            fetcher=open_fetcher(settings),
            mail=_mail(settings),
            embedder=embedder,
            reranker=reranker,
        )
    finally:
        await drain(settings.drain_seconds)
        await gate.close()
        await passages.close()
        await cards.close()
        await payments.close()
        for part in (model, embedder, reranker):
            if part is not None:
                await part.close()
        await database.close()


def _mail(settings: Settings) -> Mail:
    if not settings.mail_smtp_host:
        return FileMail(settings.mail_dir)
    return SmtpMail(
        SmtpConfig(
            host=settings.mail_smtp_host,
            port=settings.mail_smtp_port,
            security=settings.mail_smtp_security,
            username=settings.mail_smtp_username,
            password=settings.mail_smtp_password.get_secret_value(),
            timeout_seconds=settings.mail_timeout_seconds,
        )
    )


def _engine_config(settings: Settings) -> EngineConfig:
    """Raises ``OSError`` or ``ValueError`` where the list of synonyms cannot be read."""
    listed = settings.search_synonyms_file
    return EngineConfig(
        where(settings.search_url),
        settings.index_dir,
        open_indexes=settings.search_open_indexes,
        api_key=settings.search_api_key.get_secret_value(),
        username=settings.search_username,
        password=settings.search_password.get_secret_value(),
        ca_file=settings.search_ca_file,
        prefix=settings.search_prefix,
        shards=settings.search_shards,
        replicas=settings.search_replicas,
        timeout_seconds=settings.search_timeout_seconds,
        write_timeout_seconds=settings.search_write_timeout_seconds,
        retries=settings.search_retries,
        rest_after=settings.search_rest_after_timeouts,
        rest_seconds=settings.search_rest_seconds,
        bulk_documents=settings.search_bulk_documents,
        bulk_bytes=settings.search_bulk_bytes,
        synonyms=Synonyms.read(Path(listed).read_text("utf-8")) if listed else USUAL,
    )


def _embedder(settings: Settings) -> OpenAIEmbedder | None:
    if not settings.openai_embedding_model:
        return None
    return OpenAIEmbedder(
        EmbedderConfig(
            name=settings.openai_embedding_model,
            base_url=settings.openai_base_url,
            api_key=settings.openai_api_key.get_secret_value(),
        )
    )


def _reranker(settings: Settings) -> HttpReranker | None:
    if not settings.rerank_base_url:
        return None
    return HttpReranker(
        RerankerConfig(
            base_url=settings.rerank_base_url,
            api_key=settings.rerank_api_key.get_secret_value(),
            model=settings.rerank_model,
            seconds=settings.rerank_timeout_seconds,
        )
    )


def _model_config(settings: Settings) -> ModelConfig:
    return ModelConfig(
        name=settings.openai_model,
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key.get_secret_value(),
        max_output_tokens=settings.model_max_output_tokens,
        idle_seconds=settings.model_idle_timeout_seconds,
        total_seconds=settings.model_total_timeout_seconds,
    )
