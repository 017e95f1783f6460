"""The ASGI application: the doors, mounted with their guards, around one context."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

from litestar import Litestar

from service.creator_api.router import router as creator_api
from service.enterprise_api.openai_errors import handlers_of_all
from service.enterprise_api.router import router as enterprise_api
from service.http.dependencies import HANDLERS, Options, litestar_options
from service.http.envelope import enclose
from service.operator_api.router import router as operator_api
from service.platform.collecting import collect_seldom
from service.platform.embedded import complete
from service.platform.logs import configure_logs
from service.platform.processes import die_with_parent
from service.platform.settings import Settings
from service.subscriber_api.accounts import router as sign_in
from service.subscriber_api.router import router as subscriber_api
from service.usecases.owned_tasks import leave
from service.web.router import router as web
from service.webhooks.stripe import router as webhooks
from service.wiring import wired

DOORS = (sign_in, creator_api, subscriber_api, enterprise_api, operator_api, web, webhooks)


def build_app(settings: Settings) -> Litestar:
    """The application on complete settings; its context opens and closes with its lifespan."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with wired(settings) as context:
            app.state.context = context
            with draining(settings.drain_seconds):
                yield

    return Litestar(route_handlers=[*HANDLERS, *DOORS], lifespan=[lifespan], **options_of(settings))


def options_of(settings: Settings) -> Options:
    """What every application of these doors is made with."""
    options = litestar_options(settings)
    options["exception_handlers"] = handlers_of_all(options["exception_handlers"])
    return options


@contextmanager
def draining(seconds: float) -> Iterator[None]:
    """Has SIGTERM begin the drain at once, beside what the server does with it.

    The server ends the lifespan only when every connection has ended, and a stream ends when it is told.
    """
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)
    begun: list[asyncio.Task[None]] = []

    def begin() -> None:
        begun.append(loop.create_task(leave(seconds)))

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def create_app() -> Litestar:
    """What the server imports: settings from the environment, logs, and the application in its envelope."""
    # Those of the process it was forked from would swallow a worker's end until it has its own.
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, signal.SIG_DFL)
    settings = Settings()
    configure_logs(level=settings.log_level, form=settings.log_format)
    if os.environ.get("ZHIHAO_SUPERVISED"):
        # The server's own master may be killed before it can stop us.
        master = multiprocessing.parent_process()
        die_with_parent(master.pid if master is not None else None)
    completed = complete(settings)
    settings = completed.settings
    app = enclose(build_app(settings), https=settings.public_url.startswith("https:"))
    collect_seldom()
    return app
