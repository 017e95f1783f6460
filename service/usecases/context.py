"""What every use case may reach: built by ``service.wiring``, handed to each as its first argument."""

from dataclasses import dataclass

from billing.processor.port import PaymentProcessor
from search.engine.port import CardEngine, PassageEngine
from search.passages.embedder import Embedder
from search.passages.reranker import Reranker
from service.answering.model import Model
from service.mail.port import Mail
from service.platform.blobs import Blobs
from service.platform.database import Database
from service.platform.egress import Egress
from service.platform.fetching import Fetcher
from service.platform.settings import Settings
from service.usecases.gate import Gate


@dataclass(frozen=True)
class Context:
    """The parts of a running service. ``model`` is absent where answers are drawn word for word."""

    settings: Settings
    database: Database
    payments: PaymentProcessor
    passages: PassageEngine
    cards: CardEngine
    blobs: Blobs
    model: Model | None
    gate: Gate | None = None
    """The queues of metered and readers' calls; without it each call is a group of its own."""
    egress: Egress | None = None
    """What reaches addresses that strangers name."""
    fetcher: Fetcher | None = None
    """What fetches documents from such addresses."""
    mail: Mail | None = None
    """Where letters go."""
    embedder: Embedder | None = None
    """What finds passages by meaning; without it they are found by words alone."""
    reranker: Reranker | None = None
    """What orders the passages found; without it search does."""
