"""The real doors in this process, on the tests' own event loop and a fresh database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler
from pydantic import SecretStr

from service.http.dependencies import HANDLERS, litestar_options
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


@asynccontextmanager
async def serving(
    context: Context, doors: Sequence[ControllerRouterHandler]
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application made of ``doors`` and the foundation."""
    app = enclose(
        Litestar(
            route_handlers=[*HANDLERS, *doors],
            state=State({"context": context}),
            **litestar_options(context.settings),
        ),
        https=False,
    )
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar types its scope more narrowly
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


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
