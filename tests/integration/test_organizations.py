"""Organizations through the real door: members, roles, invitations, keys, the audit log."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from service.accounts.secrets import mode_of, secret_hash
from service.enterprise_api.router import router as enterprise_api
from service.platform.database import Database
from service.subscriber_api.accounts import router as sign_in
from service.usecases.authenticate import is_key_live
from service.usecases.context import Context
from tests.integration.serving import SignedIn, bare_context, register, serving

ORGANIZATIONS = "/enterprise/v1/organizations"
KEY = {"name": "production", "scopes": ["passages:read", "answers:write"]}


@pytest.fixture
def context(database: Database) -> Context:
    return bare_context(database)


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(context, [sign_in, enterprise_api]) as client:
        yield client


@pytest.fixture
async def owner(client: httpx.AsyncClient) -> SignedIn:
    return await register(client, "owner")


@pytest.fixture
async def organization(client: httpx.AsyncClient, owner: SignedIn) -> str:
    made = await client.post(ORGANIZATIONS, json={"name": "律所"}, headers=owner.headers)
    assert made.status_code == 201
    assert made.json()["role"] == "owner"
    return f"{ORGANIZATIONS}/{made.json()['id']}"


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    body: dict[str, Any] = answer.json()
    return body


async def join(
    client: httpx.AsyncClient, organization: str, owner: SignedIn, name: str, role: str
) -> SignedIn:
    person = await register(client, name)
    invited = await client.post(
        f"{organization}/invitations",
        json={"email": person.email.upper(), "role": role},
        headers=owner.headers,
    )
    assert invited.status_code == 201, invited.text
    accepted = await client.post(
        f"/enterprise/v1/invitations/{invited.json()['id']}/accept", headers=person.headers
    )
    assert (accepted.status_code, accepted.json()["role"]) == (200, role)
    return person


async def test_an_organization_is_there_for_its_members_alone(
    client: httpx.AsyncClient, owner: SignedIn, organization: str
) -> None:
    stranger = await register(client, "stranger")
    assert (await client.get(organization, headers=owner.headers)).json()["name"] == "律所"
    for path in ("", "/members", "/invitations", "/keys", "/audit-log"):
        assert (await client.get(organization + path, headers=owner.headers)).status_code == 200
        refused(await client.get(organization + path, headers=stranger.headers), 404, "not_found")
        refused(await client.get(organization + path), 401, "unauthenticated")
    made = await client.post(f"{organization}/keys", json=KEY, headers=stranger.headers)
    refused(made, 404, "not_found")
    assert (await client.get(ORGANIZATIONS, headers=stranger.headers)).json() == {
        "data": [],
        "next_cursor": None,
    }


async def test_roles_decide(client: httpx.AsyncClient, owner: SignedIn, organization: str) -> None:
    admin = await join(client, organization, owner, "admin", "admin")
    developer = await join(client, organization, owner, "developer", "developer")
    billing = await join(client, organization, owner, "billing", "billing")
    members = (await client.get(f"{organization}/members", headers=billing.headers)).json()["data"]
    assert {member["email"]: member["role"] for member in members} == {
        "owner@example.com": "owner",
        "admin@example.com": "admin",
        "developer@example.com": "developer",
        "billing@example.com": "billing",
    }
    assert (await client.post(f"{organization}/keys", json=KEY, headers=developer.headers)).status_code == 201
    refused(await client.post(f"{organization}/keys", json=KEY, headers=billing.headers), 403, "role_missing")
    refused(await client.get(f"{organization}/audit-log", headers=developer.headers), 403, "role_missing")
    invite = {"email": "new@example.com", "role": "owner"}
    refused(
        await client.post(f"{organization}/invitations", json=invite, headers=admin.headers),
        403,
        "role_missing",
    )
    refused(
        await client.patch(
            f"{organization}/members/{owner.id}", json={"role": "billing"}, headers=admin.headers
        ),
        403,
        "role_missing",
    )
    changed = await client.patch(
        f"{organization}/members/{billing.id}", json={"role": "developer"}, headers=admin.headers
    )
    assert (changed.status_code, changed.json()["role"]) == (200, "developer")


async def test_an_organization_keeps_an_owner(
    client: httpx.AsyncClient, owner: SignedIn, organization: str
) -> None:
    me = f"{organization}/members/{owner.id}"
    refused(await client.delete(me, headers=owner.headers), 409, "last_owner")
    refused(await client.patch(me, json={"role": "admin"}, headers=owner.headers), 409, "last_owner")
    second = await join(client, organization, owner, "second", "owner")
    both = await asyncio.gather(
        client.delete(me, headers=owner.headers),
        client.delete(f"{organization}/members/{second.id}", headers=second.headers),
    )
    assert sorted(answer.status_code for answer in both) == [204, 409]


async def test_an_invitation_is_for_one_email_and_good_once(
    client: httpx.AsyncClient, owner: SignedIn, organization: str
) -> None:
    guest, other = await register(client, "guest"), await register(client, "other")
    invited = await client.post(
        f"{organization}/invitations",
        json={"email": guest.email, "role": "developer"},
        headers=owner.headers,
    )
    accept = f"/enterprise/v1/invitations/{invited.json()['id']}/accept"
    refused(await client.post(accept, headers=other.headers), 404, "not_found")
    assert (await client.post(accept, headers=guest.headers)).status_code == 200
    refused(await client.post(accept, headers=guest.headers), 409, "invitation_closed")
    again = await client.post(
        f"{organization}/invitations", json={"email": other.email, "role": "billing"}, headers=owner.headers
    )
    path = f"{organization}/invitations/{again.json()['id']}"
    assert (await client.delete(path, headers=owner.headers)).status_code == 204
    answer = await client.post(
        f"/enterprise/v1/invitations/{again.json()['id']}/accept", headers=other.headers
    )
    refused(answer, 409, "invitation_closed")


async def test_a_keys_secret_is_shown_once_and_stored_as_a_hash(
    client: httpx.AsyncClient, owner: SignedIn, organization: str, database: Database
) -> None:
    headers = owner.headers | {"idempotency-key": "key-1"}
    made = await client.post(f"{organization}/keys", json=KEY, headers=headers)
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert mode_of(secret) == made.json()["mode"] == "test"
    again = await client.post(f"{organization}/keys", json=KEY, headers=headers)
    assert again.json() == made.json()
    listed = (await client.get(f"{organization}/keys", headers=owner.headers)).json()["data"]
    assert [key["id"] for key in listed] == [made.json()["id"]]
    assert "secret" not in listed[0]
    async with database.reading() as connection:
        for table in ("api_key", "api_key_secret", "idempotency_key", "audit_log"):
            rows = (await connection.execute(text(f"SELECT t::text FROM {table} t"))).scalars().all()
            assert rows
            assert secret not in "".join(rows)
            assert secret.encode().hex() not in "".join(rows)


async def test_a_deleted_key_is_refused_at_once_and_a_rotated_one_after_its_overlap(
    client: httpx.AsyncClient, context: Context, owner: SignedIn, organization: str, database: Database
) -> None:
    async def works(secret: str) -> bool:
        return await is_key_live(context, secret_hash=secret_hash(secret))

    made = (await client.post(f"{organization}/keys", json=KEY, headers=owner.headers)).json()
    path = f"{organization}/keys/{made['id']}"
    assert await works(made["secret"])
    rotated = await client.post(f"{path}/rotate", json={"overlap_seconds": 3600}, headers=owner.headers)
    assert rotated.status_code == 200
    second = rotated.json()["secret"]
    assert rotated.json()["id"] == made["id"]
    assert await works(made["secret"])
    assert await works(second)
    async with database.transaction() as session:
        await session.execute(text("UPDATE clock_offset SET ahead = interval '2 hours'"))
    assert not await works(made["secret"])
    assert await works(second)
    third = (await client.post(f"{path}/rotate", headers=owner.headers)).json()["secret"]
    assert not await works(second)
    assert await works(third)
    assert (await client.delete(path, headers=owner.headers)).status_code == 204
    assert not await works(third)
    refused(await client.delete(path, headers=owner.headers), 404, "not_found")
    refused(await client.post(f"{path}/rotate", headers=owner.headers), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scopes": ["everything"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"name": ""}, "/name"),
        ({"knowledge_base_ids": ["x"]}, "/knowledge_base_ids/0"),
        ({"monthly_cap": {"amount": -1, "currency": "cny"}}, "/monthly_cap/amount"),
        ({"monthly_cap": {"amount": 1, "currency": "usd"}}, "/monthly_cap/currency"),
        ({"monthly_cap": {"amount": 10**30, "currency": "cny"}}, "/monthly_cap/amount"),
        ({"monthly_cap": 5}, "/monthly_cap"),
        ({"rate_limit": 0}, "/rate_limit"),
        ({"rate_limit": 2**40}, "/rate_limit"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2090-01-01T00:00:00"}, "/expires_at"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"organization_id": str(uuid4())}, "/organization_id"),
        ({"secret": "zh_live_mine"}, "/secret"),
        ({"credits": 1000}, "/credits"),
    ],
)
async def test_a_senseless_key_is_400(
    client: httpx.AsyncClient, owner: SignedIn, organization: str, change: dict[str, Any], pointer: str
) -> None:
    answer = await client.post(f"{organization}/keys", json=KEY | change, headers=owner.headers)
    assert refused(answer, 400, "invalid_input")["errors"][0]["pointer"] == pointer


async def test_a_key_says_what_it_may_do(
    client: httpx.AsyncClient, owner: SignedIn, organization: str
) -> None:
    base = str(uuid4())
    limits = KEY | {
        "knowledge_base_ids": [base],
        "monthly_cap": {"amount": 500, "currency": "cny"},
        "rate_limit": 60,
        "expires_at": "2090-01-01T00:00:00Z",
    }
    made = (await client.post(f"{organization}/keys", json=limits, headers=owner.headers)).json()
    listed = (await client.get(f"{organization}/keys", headers=owner.headers)).json()["data"][0]
    for name in ("knowledge_base_ids", "monthly_cap", "rate_limit", "expires_at"):
        assert made[name] == listed[name] == limits[name]


async def test_lists_are_walked_by_cursor_and_a_cursor_is_good_for_its_own_list(
    client: httpx.AsyncClient, owner: SignedIn, organization: str
) -> None:
    made = [
        (await client.post(f"{organization}/keys", json=KEY, headers=owner.headers)).json()["id"]
        for _ in range(5)
    ]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(f"{organization}/keys", params=params, headers=owner.headers)).json()
        seen += [key["id"] for key in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert seen == list(reversed(made))
    for path, bad in (("/invitations", cursor), ("/keys", "rubbish"), ("/keys", "é"), ("/audit-log", cursor)):
        answer = await client.get(organization + path, params={"cursor": bad or ""}, headers=owner.headers)
        refused(answer, 400, "invalid_cursor")


async def test_the_audit_log_tells_who_did_what(
    client: httpx.AsyncClient, owner: SignedIn, organization: str
) -> None:
    key = (await client.post(f"{organization}/keys", json=KEY, headers=owner.headers)).json()["id"]
    await client.post(f"{organization}/keys/{key}/rotate", headers=owner.headers)
    await client.delete(f"{organization}/keys/{key}", headers=owner.headers)
    log = (await client.get(f"{organization}/audit-log", headers=owner.headers)).json()["data"]
    assert [entry["action"] for entry in log] == [
        "key.deleted",
        "key.rotated",
        "key.created",
        "organization.created",
    ]
    assert {entry["actor_id"] for entry in log} == {owner.id}
    assert {entry["subject"] for entry in log[:3]} == {key}


async def test_a_dead_key_is_401_even_where_the_body_is_bad(
    client: httpx.AsyncClient, context: Context, owner: SignedIn, organization: str
) -> None:
    made = (await client.post(f"{organization}/keys", json=KEY, headers=owner.headers)).json()
    headers = {"authorization": f"Bearer {made['secret']}", "content-type": "application/json"}
    refused(await client.post("/api/v1/passages", content=b"{", headers=headers), 400, "invalid_input")
    await client.delete(f"{organization}/keys/{made['id']}", headers=owner.headers)
    refused(await client.post("/api/v1/passages", content=b"{", headers=headers), 401, "invalid_api_key")
