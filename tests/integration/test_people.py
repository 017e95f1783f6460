"""What a person can ask of their own account, and what operators do, through the real doors."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from service.enterprise_api.router import router as enterprise_api
from service.operator_api.router import router as operator_api
from service.platform.database import Database
from service.platform.ids import new_id
from service.subscriber_api.accounts import router as sign_in
from service.subscriber_api.reports import handlers as report_handlers
from service.usecases.context import Context
from service.usecases.create_knowledge_base import create_knowledge_base
from service.usecases.export_account import export_account
from service.usecases.open_profile import open_profile
from service.usecases.publish_knowledge_base import publish_knowledge_base, unpublish_knowledge_base
from service.usecases.purge_expired import purge_expired
from tests.integration.serving import SignedIn, bare_context, register, serving


@pytest.fixture
def context(database: Database) -> Context:
    return bare_context(database)


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(context, [sign_in, enterprise_api, operator_api, *report_handlers]) as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    body: dict[str, Any] = answer.json()
    return body


async def published(context: Context, owner: SignedIn, slug: str = "a") -> UUID:
    """A published knowledge base of ``owner``."""
    await open_profile(
        context, account_id=UUID(owner.id), handle=f"creator-{slug}", name="Somebody's pen name", bio=""
    )
    base = await create_knowledge_base(
        context,
        id=new_id(),
        owner_id=UUID(owner.id),
        title=f"Base {slug}",
        summary="",
        category="law",
        tags=[],
        language="en",
        visibility="public",
        free_questions=0,
        api_access=True,
        api_price=None,
        once=None,
    )
    await publish_knowledge_base(
        context, id=base.id, owner_id=UUID(owner.id), rights_declared=True, once=None
    )
    return base.id


async def status_of(database: Database, knowledge_base_id: UUID) -> str:
    async with database.reading() as connection:
        query = text("SELECT status FROM knowledge_base WHERE id = :id")
        return str((await connection.execute(query, {"id": knowledge_base_id})).scalar_one())


async def test_me_is_who_is_signed_in(client: httpx.AsyncClient) -> None:
    person = await register(client, "somebody")
    body = (await client.get("/me", headers=person.headers)).json()
    assert (body["id"], body["email"]) == (person.id, person.email)
    assert body["created_at"].endswith("Z")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer rubbish",
        "Basic YTpi",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer zh_live_" + "a" * 49,
        "Bearer " + "a" * 5000,
        "Bearer \xff\xfe",
    ],
)
async def test_a_bad_token_is_401_before_anything_else_is_looked_at(
    client: httpx.AsyncClient, header: str
) -> None:
    headers = {"authorization": header.encode("latin-1"), "content-type": "application/json"}
    answer = await client.post("/enterprise/v1/organizations", content=b"{rubbish", headers=headers)  # type: ignore[arg-type]  # bytes, to send what is no ASCII
    refused(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_ends_with_its_session(client: httpx.AsyncClient) -> None:
    person = await register(client, "leaver")
    await client.post("/auth/refresh", json={"refresh_token": person.refresh_token})
    await client.post("/auth/refresh", json={"refresh_token": person.refresh_token})
    refused(await client.get("/me", headers=person.headers), 401, "unauthenticated")


async def test_moving_the_test_clock_signs_nobody_out(client: httpx.AsyncClient, database: Database) -> None:
    person = await register(client, "traveller")
    async with database.transaction() as session:
        await session.execute(text("UPDATE clock_offset SET ahead = interval '400 days'"))
    assert (await client.get("/me", headers=person.headers)).status_code == 200


async def test_an_export_holds_what_is_held(
    client: httpx.AsyncClient, context: Context, database: Database
) -> None:
    person, other = await register(client, "curious"), await register(client, "other")
    await published(context, person)
    begun = await client.get("/me/export", headers=person.headers)
    assert (begun.status_code, begun.json()["status"]) == (202, "queued")
    location = begun.headers["location"]
    await export_account(context, export_id=begun.json()["id"])
    done = await client.get(location, headers=person.headers)
    assert (done.status_code, done.json()["status"]) == (200, "done")
    held = done.json()["result"]
    assert held["account"][0]["email"] == person.email
    assert held["profile"][0]["name"] == "Somebody's pen name"
    assert len(held["knowledge_bases"]) == 1
    assert "password" not in done.text
    assert "argon2" not in done.text
    again = await client.get("/me/export", headers=person.headers)
    assert (again.status_code, again.json()["id"]) == (200, begun.json()["id"])
    refused(await client.get(location, headers=other.headers), 404, "not_found")
    async with database.transaction() as session:
        await session.execute(text("UPDATE clock_offset SET ahead = interval '2 days'"))
    await purge_expired(context)
    refused(await client.get(location, headers=person.headers), 404, "not_found")


async def test_erasure_leaves_an_id_and_no_person(
    client: httpx.AsyncClient, context: Context, database: Database
) -> None:
    person = await register(client, "vanishing-person")
    base = await published(context, person)
    refused(await client.delete("/me", headers=person.headers), 409, "owns_published")
    await unpublish_knowledge_base(context, id=base, owner_id=UUID(person.id), once=None)
    organization = await client.post(
        "/enterprise/v1/organizations", json={"name": "Firm"}, headers=person.headers
    )
    refused(await client.delete("/me", headers=person.headers), 409, "owns_organization")
    second = await register(client, "second")
    invited = await client.post(
        f"/enterprise/v1/organizations/{organization.json()['id']}/invitations",
        json={"email": second.email, "role": "owner"},
        headers=person.headers,
    )
    await client.post(f"/enterprise/v1/invitations/{invited.json()['id']}/accept", headers=second.headers)
    assert (await client.delete("/me", headers=person.headers)).status_code == 204
    refused(await client.get("/me", headers=person.headers), 401, "unauthenticated")
    login = {"email": person.email, "password": "vanishing-person has a password"}
    refused(await client.post("/auth/login", json=login), 401, "wrong_credentials")
    async with database.reading() as connection:
        tables = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        )
        for table in tables.scalars().all():
            rows = await connection.execute(text(f'SELECT t::text FROM "{table}" t'))
            dump = "\n".join(rows.scalars())
            assert "vanishing-person" not in dump, table
            assert "pen name" not in dump, table
    assert (await register(client, "vanishing-person")).id != person.id


async def test_a_report_reaches_the_operators_and_is_answered(
    client: httpx.AsyncClient, context: Context
) -> None:
    creator, reader = await register(client, "creator"), await register(client, "reader")
    operator = await register(client, "operator")
    base = await published(context, creator)
    body = {"knowledge_base_id": str(base), "reason": "copied", "detail": "It is my book."}
    made = await client.post("/reports", json=body, headers=reader.headers)
    assert (made.status_code, made.json()["status"]) == (201, "open")
    unknown = await client.post(
        "/reports", json=body | {"knowledge_base_id": str(uuid4())}, headers=reader.headers
    )
    assert unknown.status_code == 404
    refused(await client.get("/operator/v1/reports", headers=reader.headers), 403, "operator_only")
    refused(await client.get("/operator/v1/reports"), 401, "unauthenticated")
    listed = await client.get("/operator/v1/reports", params={"status": "open"}, headers=operator.headers)
    assert [report["id"] for report in listed.json()["data"]] == [made.json()["id"]]
    answered = await client.post(
        f"/operator/v1/reports/{made.json()['id']}/answer",
        json={"answer": "Taken down."},
        headers=operator.headers,
    )
    assert (answered.status_code, answered.json()["status"]) == (200, "answered")
    own = (await client.get("/reports", headers=reader.headers)).json()["data"]
    assert [report["answer"] for report in own] == ["Taken down."]
    assert (await client.get("/reports", headers=creator.headers)).json()["data"] == []


async def test_a_suspended_account_is_out_and_its_knowledge_bases_off_the_square(
    client: httpx.AsyncClient, context: Context, database: Database
) -> None:
    creator, operator = await register(client, "creator"), await register(client, "operator")
    base = await published(context, creator)
    path = f"/operator/v1/accounts/{creator.id}"
    refused(await client.post(f"{path}/suspend", headers=creator.headers), 403, "operator_only")
    for _ in range(2):
        assert (await client.post(f"{path}/suspend", headers=operator.headers)).status_code == 204
    refused(await client.get("/me", headers=creator.headers), 401, "unauthenticated")
    login = {"email": creator.email, "password": "creator has a password"}
    refused(await client.post("/auth/login", json=login), 403, "account_suspended")
    assert await status_of(database, base) == "draft"
    async with database.reading() as connection:
        jobs = await connection.execute(text("SELECT task_name FROM procrastinate_jobs"))
        assert "index_card" in jobs.scalars().all()
    assert (await client.post(f"{path}/restore", headers=operator.headers)).status_code == 204
    assert (await client.post("/auth/login", json=login)).status_code == 200
    assert await status_of(database, base) == "published"
    log = (await client.get("/operator/v1/audit-log", headers=operator.headers)).json()["data"]
    assert [entry["action"] for entry in log[:2]] == ["account.restored", "account.suspended"]
    refused(
        await client.post(f"/operator/v1/accounts/{operator.id}/suspend", headers=operator.headers),
        409,
        "operators_stay",
    )
