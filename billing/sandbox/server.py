"""The application, and how it runs: loopback only, one process, gone when its parent is."""

import asyncio
import ctypes
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import iter_modules

from granian.constants import Interfaces
from granian.server.embed import Server
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from billing.sandbox import controls, hosted, pages, resources
from billing.sandbox.api import answer
from billing.sandbox.config import Config
from billing.sandbox.delivery import deliver_forever
from billing.sandbox.runtime import Runtime
from billing.sandbox.ticking import tick_forever

log = logging.getLogger(__name__)

POOL_SIZE = 8
PR_SET_PDEATHSIG = 1
METHODS = ["GET", "POST", "DELETE"]

for module in iter_modules(resources.__path__):  # each registers its routes
    import_module(f"{resources.__name__}.{module.name}")
import_module("billing.sandbox.payment_pages")  # it pays, which the resources do not


def create_app(config: Config) -> Starlette:
    """The sandbox as an ASGI application; its pool and its loops live as long as its lifespan."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            config.database_url, min_size=1, max_size=POOL_SIZE, open=False
        )
        await pool.open(wait=True, timeout=20)
        runtime = Runtime(config, pool)
        await runtime.prepare()
        app.state.runtime = runtime
        loops = [asyncio.create_task(loop(runtime)) for loop in (deliver_forever, tick_forever)]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await pool.close(timeout=2)

    return Starlette(
        lifespan=lifespan,
        exception_handlers={Exception: failed},
        routes=[
            Route("/", pages.index),
            Route("/style.css", pages.stylesheet),
            Route("/pay/{session}", pages.payment, methods=["GET", "POST"]),
            *hosted.ROUTES,
            *controls.ROUTES,
            Route("/{api:path}", answer, methods=METHODS),
        ],
    )


async def failed(request: Request, error: Exception) -> Response:
    """A fault of the sandbox's own, on a page: logged, and said."""
    log.error("page.failed %s %s", request.method, request.url.path, exc_info=error)
    return PlainTextResponse("The sandbox failed; see its log.", 500)


def die_with_parent() -> None:
    """Asks Linux for SIGTERM when the parent ends; stops at once if it already has."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)


async def serve(config: Config, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT."""
    server = Server(
        create_app(config),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
