"""Registering, signing in, and staying signed in, through the real door on a real database."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from service.platform.database import Database
from service.subscriber_api.accounts import router
from tests.integration.serving import bare_context, register, serving

REGISTRATION = {"email": "Li.Hua@Example.com", "password": "eight characters", "display_name": "李华"}


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(bare_context(database), [router]) as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_registering_signs_in(client: httpx.AsyncClient) -> None:
    answer = await client.post("/auth/register", json=REGISTRATION)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "account"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert body["account"]["email"] == "li.hua@example.com"
    assert body["account"]["display_name"] == "李华"


async def test_an_email_is_taken_in_any_case(client: httpx.AsyncClient) -> None:
    await client.post("/auth/register", json=REGISTRATION)
    again = await client.post("/auth/register", json=REGISTRATION | {"email": "LI.HUA@EXAMPLE.COM"})
    refused(again, 409, "email_taken")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "nobody"}, "/email"),
        ({"email": "a b@example.com"}, "/email"),
        ({"email": "a@example..com"}, "/email"),
        ({"email": "a" * 250 + "@example.com"}, "/email"),
        ({"email": 7}, "/email"),
        ({"password": "short"}, "/password"),
        ({"password": "a" * 2000}, "/password"),
        ({"display_name": "   "}, "/display_name"),
        ({"display_name": "a\0b"}, "/display_name"),
        ({"is_admin": True}, "/is_admin"),
        ({"id": "01939a4c-0000-7000-8000-000000000000"}, "/id"),
    ],
)
async def test_a_bad_registration_is_400(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    answer = await client.post("/auth/register", json=REGISTRATION | change)
    assert refused(answer, 400, "invalid_input")["errors"][0]["pointer"] == pointer


async def test_signing_in_again(client: httpx.AsyncClient) -> None:
    made = (await client.post("/auth/register", json=REGISTRATION)).json()
    answer = await client.post(
        "/auth/login", json={"email": "LI.hua@example.com", "password": REGISTRATION["password"]}
    )
    assert answer.status_code == 200
    assert answer.json()["account"]["id"] == made["account"]["id"]


async def test_a_wrong_password_and_an_unknown_email_look_alike(client: httpx.AsyncClient) -> None:
    await client.post("/auth/register", json=REGISTRATION)

    async def attempt(email: str) -> tuple[dict[str, Any], float]:
        started = time.process_time()
        answer = await client.post("/auth/login", json={"email": email, "password": "not the password"})
        spent = time.process_time() - started
        body = refused(answer, 401, "wrong_credentials")
        del body["request_id"]
        return body, spent

    await attempt("warm@example.com")
    wrong = [await attempt("li.hua@example.com") for _ in range(5)]
    unknown = [await attempt("nobody@example.com") for _ in range(5)]
    assert wrong[0][0] == unknown[0][0]
    fastest_wrong, fastest_unknown = min(s for _, s in wrong), min(s for _, s in unknown)
    assert fastest_unknown > fastest_wrong / 2


async def test_refreshing_rotates_and_the_old_token_ends_the_family(client: httpx.AsyncClient) -> None:
    person = await register(client, "rotator")
    first = await client.post("/auth/refresh", json={"refresh_token": person.refresh_token})
    assert first.status_code == 200
    second = await client.post("/auth/refresh", json={"refresh_token": first.json()["refresh_token"]})
    assert second.status_code == 200
    reused = await client.post("/auth/refresh", json={"refresh_token": person.refresh_token})
    refused(reused, 401, "invalid_refresh_token")
    newest = await client.post("/auth/refresh", json={"refresh_token": second.json()["refresh_token"]})
    refused(newest, 401, "invalid_refresh_token")


async def test_of_many_refreshes_at_once_one_goes_through(client: httpx.AsyncClient) -> None:
    person = await register(client, "racer")
    body = {"refresh_token": person.refresh_token}
    answers = await asyncio.gather(*(client.post("/auth/refresh", json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_a_refresh_repeated_with_its_key_is_no_reuse(client: httpx.AsyncClient) -> None:
    person = await register(client, "repeater")
    send = {"json": {"refresh_token": person.refresh_token}, "headers": {"idempotency-key": "one"}}
    first = await client.post("/auth/refresh", **send)  # type: ignore[arg-type]  # keyword arguments by name
    again = await client.post("/auth/refresh", **send)  # type: ignore[arg-type]  # keyword arguments by name
    assert (again.status_code, again.json()) == (200, first.json())


async def test_registering_twice_with_one_key_makes_one_account(client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "register-1"}
    first = await client.post("/auth/register", json=REGISTRATION, headers=headers)
    again = await client.post("/auth/register", json=REGISTRATION, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await client.post(
        "/auth/register", json=REGISTRATION | {"display_name": "another"}, headers=headers
    )
    refused(other, 409, "idempotency_conflict")


async def test_a_dump_of_the_database_holds_no_usable_secret(
    client: httpx.AsyncClient, database: Database
) -> None:
    answer = await client.post("/auth/register", json=REGISTRATION, headers={"idempotency-key": "register-2"})
    secrets = [answer.json()["access_token"], answer.json()["refresh_token"], REGISTRATION["password"]]
    async with database.reading() as connection:
        tables = (
            (await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
            .scalars()
            .all()
        )
        for table in tables:
            rows = await connection.execute(text(f'SELECT t::text FROM "{table}" t'))
            dump = "\n".join(rows.scalars())
            for secret in secrets:
                assert secret not in dump
                assert secret.encode().hex() not in dump


async def test_a_failed_registration_leaves_its_key_free(client: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "register-3"}
    await client.post("/auth/register", json=REGISTRATION)
    refused(await client.post("/auth/register", json=REGISTRATION, headers=headers), 409, "email_taken")
    other = REGISTRATION | {"email": "free@example.com"}
    assert (await client.post("/auth/register", json=other, headers=headers)).status_code == 201
