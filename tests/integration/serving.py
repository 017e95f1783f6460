"""The real doors in this process, on the tests' own event loop and a fresh database."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler
from pydantic import SecretStr

from service.app import options_of
from service.http.dependencies import HANDLERS
from service.http.envelope import enclose
from service.platform.database import Database
from service.platform.settings import Settings
from service.usecases.context import Context

SETTINGS = Settings(secret_key=SecretStr("a secret of the tests"), operator_emails="operator@example.com")


def bare_context(database: Database, settings: Settings = SETTINGS, **parts: Any) -> Context:
    """A context with a database; what else a test needs it names, and reaching for the rest fails."""
    names = {"payments", "passages", "cards", "blobs", "model", "gate"} & set(Context.__dataclass_fields__)
    return Context(
        settings=settings, database=database, **{**dict.fromkeys(names, cast("Any", None)), **parts}
    )


Doors = Sequence[ControllerRouterHandler]

_idle: dict[object, list[Litestar]] = {}
"""Applications that nobody uses now, by what they were made of. Making one takes half a second and more."""


def _made_of(doors: Doors, settings: Settings) -> object:
    """All that an application is made of: its context comes and goes."""
    limits = settings.public_url, settings.max_upload_bytes, settings.max_body_bytes
    return tuple(doors), limits


@contextmanager
def application(context: Context, doors: Doors) -> Iterator[Litestar]:
    """``doors`` and the foundation around ``context``: an application that was used before, or a new one."""
    options = options_of(context.settings)
    idle = _idle.setdefault(_made_of(doors, context.settings), [])
    app = (
        idle.pop() if idle else enclose(Litestar(route_handlers=[*HANDLERS, *doors], **options), https=False)
    )
    app.state = State({"context": context})
    yield app
    idle.append(app)


@asynccontextmanager
async def serving(context: Context, doors: Doors) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application made of ``doors`` and the foundation."""
    with application(context, doors) as app:
        async with client_of(app) as client:
            yield client


def client_of(app: Litestar) -> httpx.AsyncClient:
    """Calls that go straight into the application."""
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar types its scope more narrowly
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@dataclass(frozen=True)
class SignedIn:
    """Somebody of the tests."""

    id: str
    email: str
    headers: dict[str, str]
    refresh_token: str


async def register(client: httpx.AsyncClient, name: str) -> SignedIn:
    """Opens the account ``name@example.com``."""
    answer = await client.post(
        "/auth/register",
        json={"email": f"{name}@example.com", "password": f"{name} has a password", "display_name": name},
    )
    assert answer.status_code == 201, answer.text
    body = answer.json()
    return SignedIn(
        id=body["account"]["id"],
        email=f"{name}@example.com",
        headers={"authorization": f"Bearer {body['access_token']}"},
        refresh_token=body["refresh_token"],
    )
