"""The HTTP foundation on a small application of its own: what every route does before any business."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar, Request, get, post
from litestar.datastructures import State, UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody
from pydantic import SecretStr

from billing.money import Money
from service.http.dependencies import HANDLERS, litestar_options
from service.http.envelope import enclose
from service.http.once import find_once
from service.http.paging import PageRequest
from service.platform.idempotency import Once
from service.platform.settings import Settings


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    price: Money | None = None
    count: int = 0
    tags: list[str] = []
    base: UUID | None = None


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    file: UploadFile
    tier: str = "paid"


@post("/things")
async def make(data: JSONBody[Body], once: NamedDependency[Once | None]) -> dict[str, Any]:
    return {"name": data.name, "fingerprint": once.fingerprint.hex() if once else None}


@post("/files")
async def upload(data: MultipartBody[Form], once: NamedDependency[Once | None]) -> dict[str, Any]:
    return {
        "name": data.file.filename,
        "size": len(await data.file.read()),
        "fingerprint": once.fingerprint.hex() if once else None,
    }


@get("/things/{thing_id:uuid}")
async def read(thing_id: FromPath[UUID], count: FromQuery[int] = 0) -> dict[str, Any]:
    return {"id": thing_id, "count": count}


@get("/lists")
async def listed(page: NamedDependency[PageRequest]) -> dict[str, Any]:
    return {"limit": page.limit}


@get("/broken")
async def broken() -> None:
    raise RuntimeError("the database password is swordfish")


@post("/raw")
async def raw(request: Request[Any, Any, Any]) -> dict[str, Any]:
    await find_once(request)
    return {"size": len(await request.body())}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(secret_key=SecretStr("a secret of the tests"), max_body_bytes=10_000)
    app = enclose(
        Litestar(
            route_handlers=[*HANDLERS, make, upload, read, listed, broken, raw],
            state=State({"context": SimpleNamespace(settings=settings)}),
            **litestar_options(settings),
        ),
        https=False,
    )
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar types its scope more narrowly
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(body)
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        (b'{"name": "a", "owner_id": 1}', "/owner_id"),
        (b"{}", "/name"),
        (b'{"name": 1}', "/name"),
        (b'{"name": null}', "/name"),
        (b'{"name": "a", "count": "1"}', "/count"),
        (b'{"name": "a", "count": true}', "/count"),
        (b'{"name": "a", "count": 1.5}', "/count"),
        (b'{"name": "a", "count": 99999999999999999999999999}', "/count"),
        (b'{"name": "a", "count": 1e999}', ""),
        (b'{"name": "a", "tags": ["b", 3]}', "/tags/1"),
        (b'{"name": "a", "tags": ["b", "c\\u0000"]}', "/tags/1"),
        (b'{"name": "a", "price": {"amount": "990", "currency": "cny"}}', "/price/amount"),
        (b'{"name": "a", "price": {"amount": 990, "currency": "CNY"}}', "/price"),
        (b'{"name": "a", "price": {"amount": 990}}', "/price/currency"),
        (b'{"name": "a", "base": "not-a-uuid"}', "/base"),
        (b'{"name": "\\ud800"}', ""),
        (b'{"name": "\\udc00x"}', ""),
        (b'{"name": "\xff\xfe"}', ""),
        (b'{"name": ', ""),
        (b"[" * 5000, ""),
        (b"[]", ""),
        (b"null", ""),
        (b"", ""),
        (b'{"name":' + b"9" * 5000 + b"}", ""),
    ],
)
async def test_bad_input_is_400_with_a_pointer(client: httpx.AsyncClient, sent: bytes, pointer: str) -> None:
    answer = await client.post("/things", content=sent, headers={"content-type": "application/json"})
    body = problem(answer, 400, "invalid_input")
    assert [error["pointer"] for error in body["errors"]] == [pointer]
    assert all(error["detail"] for error in body["errors"])


async def test_deep_nesting_is_refused_wherever_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", content=b'{"name":' + b"[" * 90 + b"]" * 90 + b"}")
    assert problem(answer, 400, "invalid_input")["errors"][0]["pointer"].startswith("/name/0/0")


async def test_good_input_arrives(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/things", json={"name": "知號 👩‍🔬", "price": {"amount": 1, "currency": "jpy"}}
    )
    assert (answer.status_code, answer.json()["name"]) == (201, "知號 👩‍🔬")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_another_media_type_is_415(client: httpx.AsyncClient, kind: str) -> None:
    answer = await client.post("/things", content=b"name=a", headers={"content-type": kind})
    problem(answer, 415, "unsupported_media_type")


async def test_a_json_body_where_a_file_belongs_is_415(client: httpx.AsyncClient) -> None:
    problem(await client.post("/files", json={"tier": "free"}), 415, "unsupported_media_type")


async def test_too_large_a_body_is_413_and_uploads_have_their_own_limit(client: httpx.AsyncClient) -> None:
    problem(await client.post("/things", json={"name": "a" * 20_000}), 413, "too_large")
    problem(await client.post("/raw", content=b"a" * 20_000), 413, "too_large")
    answer = await client.post("/files", files={"file": ("a.txt", b"a" * 20_000)})
    assert (answer.status_code, answer.json()["size"]) == (201, 20_000)


@pytest.mark.parametrize(
    "sent",
    [
        b"--x\r\n",
        b"rubbish",
        b'--x\r\nContent-Disposition: form-data; name="tier"\r\n\r\n\xff\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="tier"\r\n\r\na\0b\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="tier"\r\n'
        b"Content-Type: text/plain; charset=nope\r\n\r\na\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--x--\r\n',
        b"",
    ],
)
async def test_a_bad_form_is_400(client: httpx.AsyncClient, sent: bytes) -> None:
    answer = await client.post(
        "/files", content=sent, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    problem(answer, 400, "invalid_input")


@pytest.mark.parametrize(
    "path", ["/nowhere", "/things/not-a-uuid", "/things/%00", "/things/%FF", "/problems/%00"]
)
async def test_an_unknown_address_is_404(client: httpx.AsyncClient, path: str) -> None:
    problem(await client.get(path), 404, "not_found") if path != "/problems/%00" else None
    assert (await client.get(path)).status_code == 404


async def test_an_unknown_method_is_405_and_says_which_are_known(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/things")
    problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


async def test_a_bad_query_is_400_and_names_the_parameter(client: httpx.AsyncClient) -> None:
    thing = "/things/01939a4c-0000-7000-8000-000000000000"
    body = problem(await client.get(thing, params={"count": "many"}), 400, "invalid_input")
    assert body["errors"][0]["pointer"] == "count"
    problem(await client.get(thing + "?count=%00"), 400, "invalid_input")
    for limit in ("0", "-1", "101", "9" * 40, "ten"):
        body = problem(await client.get("/lists", params={"limit": limit}), 400, "invalid_input")
        assert body["errors"][0]["pointer"] == "limit"


async def test_a_fault_of_ours_says_nothing_of_itself(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken")
    problem(answer, 500, "internal_error")
    assert "swordfish" not in answer.text
    assert "RuntimeError" not in answer.text


async def test_every_answer_carries_security_headers(client: httpx.AsyncClient) -> None:
    for path in ("/health/live", "/nowhere", "/broken", "/schema"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_a_plain_request_id_of_the_caller_is_kept(client: httpx.AsyncClient) -> None:
    kept = await client.get("/health/live", headers={"x-request-id": "trace-0123456789"})
    assert kept.headers["x-request-id"] == "trace-0123456789"
    refused = await client.get("/health/live", headers={"x-request-id": "a b\tc" * 40})
    assert UUID(refused.headers["x-request-id"]).version == 7


async def test_a_fingerprint_is_of_what_was_asked_not_of_how_it_was_written(
    client: httpx.AsyncClient,
) -> None:
    async def of(content: bytes, path: str = "/things") -> str:
        headers = {"idempotency-key": "k", "content-type": "application/json"}
        return str((await client.post(path, content=content, headers=headers)).json()["fingerprint"])

    first = await of(b'{"name": "a", "count": 1}')
    assert first == await of(b'{ "count":1,  "name":"\\u0061" }')
    assert first != await of(b'{"name": "a", "count": 2}')
    assert first != await of(b'{"name": "a", "count": 1}', "/things?dry=1")


async def test_a_files_fingerprint_is_of_its_content_and_fields(client: httpx.AsyncClient) -> None:
    async def of(content: bytes, tier: str = "paid") -> str:
        answer = await client.post(
            "/files",
            files={"file": ("a.txt", content)},
            data={"tier": tier},
            headers={"idempotency-key": "k"},
        )
        assert answer.json()["size"] == len(content)
        return str(answer.json()["fingerprint"])

    first = await of(b"text")
    assert first == await of(b"text")
    assert first != await of(b"other")
    assert first != await of(b"text", "free")


@pytest.mark.parametrize("key", ["", "a" * 256, "\x7f"])
async def test_an_odd_idempotency_key_is_400(client: httpx.AsyncClient, key: str) -> None:
    answer = await client.post("/things", json={"name": "a"}, headers={"idempotency-key": key})
    body = problem(answer, 400, "invalid_input")
    assert body["errors"][0]["pointer"] == "Idempotency-Key"


async def test_the_api_page_is_served_from_here(client: httpx.AsyncClient) -> None:
    page = await client.get("/schema")
    assert page.headers["content-type"].startswith("text/html")
    assert "https://" not in page.text
    for asset in ("/schema/assets/swagger-ui-bundle.js", "/schema/assets/swagger-ui.css", "/schema/start.js"):
        assert asset.split("/")[-1] in page.text
        assert (await client.get(asset)).status_code == 200
    assert (await client.get("/schema/assets/__init__.py")).status_code == 404


async def test_the_document_names_problems_and_the_idempotency_key(client: httpx.AsyncClient) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    operation = document["paths"]["/things"]["post"]
    assert {"201", "400", "409", "413", "415", "500"} <= set(operation["responses"])
    refused = document["components"]["responses"]["problem.400.invalid_input"]
    assert operation["responses"]["400"]["$ref"].endswith("/problem.400.invalid_input")
    assert "application/problem+json" in refused["content"]
    assert "Idempotency-Key" in [parameter["name"] for parameter in operation["parameters"]]


async def test_metrics_know_routes_and_no_ids(client: httpx.AsyncClient) -> None:
    thing = "01939a4c-0000-7000-8000-00000000beef"
    await client.get(f"/things/{thing}")
    text = (await client.get("/metrics")).text
    assert 'route="/things/{thing_id}"' in text or 'route="/things/{thing_id:uuid}"' in text
    assert thing not in text
    assert 'zhihao_http_requests_total{method="GET",route="unmatched",status="404"}' in text


async def test_every_code_has_its_page(client: httpx.AsyncClient) -> None:
    codes = (await client.get("/problems")).json()
    assert codes["idempotency_conflict"]["status"] == 409
    assert (await client.get("/problems/idempotency_conflict")).json()["code"] == "idempotency_conflict"
