"""Every route of every door, whoever wrote it: credentials first, bad input never a 500, keys honoured."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from search.engine.embedded import EmbeddedCardEngine
from service.accounts.secrets import new_secret
from service.app import DOORS, build_app
from service.platform.database import Database
from tests.integration.serving import SETTINGS, bare_context, register, serving

ID = str(uuid4())

# Stripe sends no key of ours: the event's own id is what makes it once.
WITHOUT_KEY = {"/webhooks/stripe", "/webhooks/stripe/thin"}

# Forms on pages: the token in each works once, and what is wrong is said on the page itself.
FORMS = {"/verify-email", "/reset-password"}

RUBBISH = [
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe",
    b'{"price": {"amount": 1e400}, "owner_id": "x"}',
    b'{"owner_id": "00000000-0000-0000-0000-000000000000", "credits": 5, "status": "paid"}',
    b'{"name": "\\u0000", "question": "\\ud800", "title": "a\\u0000"}',
    b'{"limit": 99999999999999999999999999999999999999}',
    b"[" * 3000,
]


@pytest.fixture
async def client(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    cards = EmbeddedCardEngine(tmp_path / "cards")
    async with serving(bare_context(database, cards=cards), DOORS) as client:
        yield client
    await cards.close()


def routes() -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Method, path and handler of every route that does something."""
    app: Litestar = build_app(SETTINGS)
    for route in app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema"):
            for handler in route.route_handlers:
                for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                    yield method, route.path_format, handler


def address(path: str) -> str:
    """The path with an id that nothing has in each place."""
    parts = [ID if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def wants(handler: HTTPRouteHandler, *names: str) -> bool:
    return not set(names).isdisjoint(handler.parsed_fn_signature.parameters)


def test_every_post_honours_the_idempotency_key() -> None:
    posts = [(path, handler) for method, path, handler in routes() if method == "POST"]
    assert len(posts) > 20
    assert [
        path for path, handler in posts if not wants(handler, "once") and path not in WITHOUT_KEY | FORMS
    ] == []


async def test_a_bad_credential_is_401_before_anything_else_is_looked_at(client: httpx.AsyncClient) -> None:
    wrong = []
    for method, path, handler in routes():
        headers = {"content-type": "application/json", "idempotency-key": "a\tb"}
        if wants(handler, "person", "operator", "credential"):
            answer = await client.request(method, address(path), content=b"{rubbish", headers=headers)
            if answer.status_code != 401:
                wrong.append((method, path, "none", answer.status_code))
        if wants(handler, "person", "operator", "visitor", "credential"):
            for secret in ("rubbish", "zh_live_" + "a" * 49):
                headers["authorization"] = f"Bearer {secret}"
                answer = await client.request(method, address(path), content=b"{rubbish", headers=headers)
                if answer.status_code != 401:
                    wrong.append((method, path, secret, answer.status_code))
        if wants(handler, "credential"):
            headers["authorization"] = f"Bearer {new_secret('test')}"
            answer = await client.request(method, address(path), content=b"{rubbish", headers=headers)
            if answer.status_code != 401:
                wrong.append((method, path, "unknown key", answer.status_code))
    assert wrong == []


async def test_rubbish_in_a_body_is_refused_and_never_a_500(client: httpx.AsyncClient) -> None:
    person = await register(client, "operator")
    wrong: list[tuple[Any, ...]] = []
    for method, path, handler in routes():
        if method in {"GET", "DELETE"} or wants(handler, "credential") or not wants(handler, "data"):
            continue
        for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
            for body in RUBBISH:
                answer = await client.request(
                    method, address(path), content=body, headers=person.headers | {"content-type": kind}
                )
                fine = 400 <= answer.status_code < 500
                page = path in FORMS and answer.headers["content-type"].startswith("text/html")
                if not fine or not (page or answer.headers["content-type"] == "application/problem+json"):
                    wrong.append((method, path, kind, body[:40], answer.status_code))
    assert wrong == []


async def test_rubbish_in_an_address_is_refused_and_never_a_500(client: httpx.AsyncClient) -> None:
    person = await register(client, "operator")
    wrong = []
    for method, path, _ in routes():
        if method != "GET" or not path.startswith(("/v1", "/creator", "/enterprise", "/operator", "/me")):
            continue
        for query in (
            "limit=-1",
            "limit=9e99",
            "cursor=%00",
            "cursor=rubbish",
            "q=%ED%A0%80",
            "from=%00&to=x",
        ):
            answer = await client.get(f"{address(path)}?{query}", headers=person.headers)
            if answer.status_code >= 500 and answer.json()["code"] == "internal_error":
                wrong.append((path, query, answer.text[:200]))
        for part in ("%00", "%FF", "x" * 3000, "..%2f..%2fetc", "'%3B--"):
            if "{" in path:
                odd = "/".join(part if piece.startswith("{") else piece for piece in path.split("/"))
                answer = await client.get(odd, headers=person.headers)
                if answer.status_code not in {400, 404}:
                    wrong.append((odd[:100], "", str(answer.status_code)))
    assert wrong == []


async def test_the_document_describes_every_route(client: httpx.AsyncClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    shown = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
        if method in {"get", "post", "put", "patch", "delete"}
    }
    meant = {
        (method, path)
        for method, path, handler in routes()
        if handler.resolve_include_in_schema() and path.startswith(("/v1", "/creator", "/enterprise", "/api"))
    }
    assert meant <= shown
    assert (await client.get("/schema/openapi.yaml")).status_code == 200


async def test_a_bad_call_while_the_database_is_away_is_told_so() -> None:
    """Whether the key is live would go before what is wrong with the call, and cannot be known."""
    nowhere = Database("postgresql://127.0.0.1:1/away", pool_size=1, max_overflow=0, pool_timeout=1)
    headers = {"authorization": f"Bearer {new_secret('test')}"}
    async with serving(bare_context(nowhere), DOORS) as client:
        own = await client.post("/api/v1/passages", content=b"{", headers=headers)
        openai = await client.post("/openai/v1/chat/completions", content=b"{", headers=headers)
    await nowhere.close()
    assert (own.status_code, own.json()["code"]) == (503, "unavailable")
    assert (openai.status_code, openai.json()["error"]["code"]) == (503, "unavailable")
    assert own.headers["retry-after"] == openai.headers["retry-after"] == "1"
