"""What callers rely on at the doors beyond each door's own story: forms, periods, prices, media types."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from search.engine.embedded import EmbeddedCardEngine
from service.app import DOORS
from service.platform.database import Database
from tests.integration.serving import SignedIn, bare_context, register, serving

KNOWLEDGE_BASES = "/creator/v1/knowledge-bases"


@pytest.fixture
async def client(database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    cards = EmbeddedCardEngine(tmp_path / "cards")
    async with serving(bare_context(database, cards=cards), DOORS) as client:
        yield client
    await cards.close()


@pytest.fixture
async def creator(client: httpx.AsyncClient) -> SignedIn:
    return await register(client, "creator")


async def make_base(client: httpx.AsyncClient, creator: SignedIn, **fields: object) -> httpx.Response:
    body = {"title": "Plants", "summary": "", "category": "garden", "tags": [], "language": "en"}
    return await client.post(KNOWLEDGE_BASES, json=body | fields, headers=creator.headers)


def pointers(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 400, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("price", "pointer"),
    [
        ({"amount": -1, "currency": "cny"}, "/api_price/amount"),
        ({"amount": 10**18, "currency": "cny"}, "/api_price/amount"),
        ({"amount": 5, "currency": "usd"}, "/api_price/currency"),
    ],
)
async def test_a_price_of_calls_that_no_invoice_could_carry_is_refused(
    client: httpx.AsyncClient, creator: SignedIn, price: dict[str, Any], pointer: str
) -> None:
    assert pointers(await make_base(client, creator, api_price=price)) == [pointer]
    made = await make_base(client, creator, api_price={"amount": 5, "currency": "cny"})
    assert made.status_code == 201
    path = f"{KNOWLEDGE_BASES}/{made.json()['id']}"
    changed = await client.patch(path, json={"api_price": price}, headers=creator.headers)
    assert pointers(changed) == [pointer]


async def test_a_form_is_read_as_strictly_as_json(client: httpx.AsyncClient, creator: SignedIn) -> None:
    path = f"{KNOWLEDGE_BASES}/{(await make_base(client, creator)).json()['id']}/documents"
    file = ("a.txt", b"text")

    async def refused(files: dict[str, Any], data: dict[str, str] | None = None) -> list[str]:
        return pointers(await client.post(path, files=files, data=data, headers=creator.headers))

    assert await refused({"file": file}, {"owner_id": "x"}) == ["/owner_id"]
    assert await refused({"file": file}, {"tier": "gold"}) == ["/tier"]
    assert await refused({"tier": (None, "free")}) == ["/file"]
    assert await refused({"document": file}) == ["/document", "/file"]
    assert await refused({"file": (None, "no file, but text")}) == ["/file"]
    assert await refused({"file": file, "tier": file}) == ["/tier"]


async def test_an_outline_has_the_media_types_the_document_names(
    client: httpx.AsyncClient, creator: SignedIn
) -> None:
    path = f"{KNOWLEDGE_BASES}/{(await make_base(client, creator)).json()['id']}/outline"
    given = {}
    for form in ("json", "markdown", "mermaid", "opml", "svg"):
        answer = await client.get(path, params={"format": form}, headers=creator.headers)
        given[form] = answer.headers["content-type"]
    assert given["markdown"] == "text/markdown; charset=utf-8"
    document = (await client.get("/schema/openapi.json")).json()
    described = document["paths"][KNOWLEDGE_BASES + "/{knowledge_base_id}/outline"]["get"]["responses"]["200"]
    assert {kind.partition(";")[0] for kind in given.values()} == set(described["content"])
    assert described["content"]["application/json"]["schema"] != {"type": "string"}


async def test_the_square_tells_a_bad_credential_too(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/square")).status_code == 200
    refused = await client.get("/v1/square", headers={"authorization": "Bearer expired"})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")


async def test_usage_and_earnings_read_a_period_alike(client: httpx.AsyncClient, creator: SignedIn) -> None:
    made = await client.post("/enterprise/v1/organizations", json={"name": "Acme"}, headers=creator.headers)
    usage = f"/enterprise/v1/organizations/{made.json()['id']}/usage"

    async def status(path: str, since: str, until: str) -> int:
        period = {"from": since, "to": until}
        return (await client.get(path, params=period, headers=creator.headers)).status_code

    for path in (usage, "/creator/v1/earnings"):
        assert await status(path, "2026-01-01", "2026-02-01") == 200
        assert await status(path, "2026-01-01T00:00:00Z", "2026-02-01T08:00:00+08:00") == 200
        assert await status(path, "2026-02-01", "2026-01-01") == 400
        assert await status(path, "2026-01-01", "0.5") == 400


async def test_asking_for_a_refund_needs_no_body(client: httpx.AsyncClient, creator: SignedIn) -> None:
    path = f"/v1/subscriptions/{uuid4()}/refund-request"
    answer = await client.post(path, headers=creator.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "subscription_not_found")


async def test_null_is_no_value_of_a_parameter_but_a_word_to_be_searched(
    client: httpx.AsyncClient, creator: SignedIn
) -> None:
    for path in ("/v1/square?limit=null", "/v1/square?price=NULL", "/creator/v1/disputes?status=null"):
        answer = await client.get(path, headers=creator.headers)
        assert answer.status_code == 400, path
        assert answer.json()["errors"][0]["pointer"] == path.partition("?")[2].partition("=")[0]
    assert (await client.get("/v1/square?q=null")).status_code == 200


async def test_an_empty_cursor_is_the_first_page(client: httpx.AsyncClient, creator: SignedIn) -> None:
    for path in ("/enterprise/v1/organizations", "/v1/subscriptions", "/v1/square"):
        assert (await client.get(f"{path}?cursor=", headers=creator.headers)).status_code == 200


async def test_signing_in_documents_its_401(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    assert {"401", "403"} <= set(paths["/auth/login"]["post"]["responses"])
    assert "401" in paths["/auth/refresh"]["post"]["responses"]
