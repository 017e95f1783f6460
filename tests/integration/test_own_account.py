"""A password that was forgotten, an address that is confirmed, and sessions that are ended."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from service.accounts import identities
from service.platform.database import Database
from service.platform.ids import new_id
from service.subscriber_api.accounts import router
from service.usecases.context import Context
from service.usecases.prove_email import send_password_reset
from service.usecases.purge_expired import purge_expired
from service.web.router import router as web
from tests.integration.mailbox import resets_waiting, tokens_mailed
from tests.integration.serving import SETTINGS, SignedIn, bare_context, register, serving


@pytest.fixture
def context(database: Database) -> Context:
    return bare_context(database, SETTINGS.model_copy(update={"email_tokens_per_hour": 3}))


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(context, [router, web]) as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    body: dict[str, Any] = answer.json()
    return body


async def forgotten(client: httpx.AsyncClient, context: Context, person: SignedIn) -> str:
    """The token of the letter that the person asked for."""
    asked = await client.post("/auth/password-reset", json={"email": person.email.upper()})
    assert asked.status_code == 202, asked.text
    for account_id in await resets_waiting(context.database):
        await send_password_reset(context, account_id=account_id)
    return (await tokens_mailed(context.database, person.id, "password_reset"))[-1]


def new_password(token: str, password: str = "another password") -> dict[str, str]:
    return {"token": token, "password": password}


async def test_a_reset_sets_the_password_and_signs_out_everywhere(
    client: httpx.AsyncClient, context: Context
) -> None:
    person = await register(client, "forgetful")
    token = await forgotten(client, context, person)
    answer = await client.post("/auth/password-reset/confirm", json=new_password(token))
    assert answer.status_code == 204, answer.text
    refused(await client.get("/me", headers=person.headers), 401, "unauthenticated")
    refresh = await client.post("/auth/refresh", json={"refresh_token": person.refresh_token})
    refused(refresh, 401, "invalid_refresh_token")
    old = {"email": person.email, "password": "forgetful has a password"}
    refused(await client.post("/auth/login", json=old), 401, "wrong_credentials")
    signed_in = await client.post("/auth/login", json=old | {"password": "another password"})
    assert signed_in.json()["account"]["email_verified"] is True


async def test_a_reset_link_is_good_once_in_time_and_for_nothing_else(
    client: httpx.AsyncClient, context: Context
) -> None:
    person = await register(client, "once")
    first, second = await forgotten(client, context, person), await forgotten(client, context, person)
    confirm = "/auth/password-reset/confirm"
    short = await client.post(confirm, json=new_password(first, "short"))
    assert refused(short, 400, "invalid_input")["errors"][0]["pointer"] == "/password"
    other = await client.post("/auth/verify-email/confirm", json={"token": first})
    refused(other, 400, "invalid_email_token")
    async with context.database.transaction() as session:
        await session.execute(text("UPDATE email_token SET expires_at = expires_at - interval '1 hour'"))
    refused(await client.post(confirm, json=new_password(first)), 400, "invalid_email_token")
    async with context.database.transaction() as session:
        await session.execute(text("UPDATE email_token SET expires_at = expires_at + interval '1 hour'"))
    assert (await client.post(confirm, json=new_password(first))).status_code == 204
    for token in (first, second, "rubbish"):
        refused(await client.post(confirm, json=new_password(token)), 400, "invalid_email_token")


async def test_a_reset_repeated_with_its_key_is_answered_again(
    client: httpx.AsyncClient, context: Context
) -> None:
    token = await forgotten(client, context, await register(client, "repeating"))
    send: dict[str, Any] = {"json": new_password(token), "headers": {"idempotency-key": "reset-1"}}
    for _ in range(2):
        assert (await client.post("/auth/password-reset/confirm", **send)).status_code == 204


async def test_nobody_learns_whether_an_address_has_an_account(
    client: httpx.AsyncClient, context: Context
) -> None:
    person = await register(client, "known")
    seen = []
    for email in (person.email, "unknown@example.com", "not an address", "known@example.com'--"):
        answer = await client.post("/auth/password-reset", json={"email": email})
        seen.append((answer.status_code, answer.content, sorted(answer.headers)))
    assert seen == [seen[0]] * 4
    waiting = await resets_waiting(context.database)
    assert (len(waiting), waiting.count(person.id)) == (4, 1)
    for account_id in waiting:
        await send_password_reset(context, account_id=account_id)
    assert len(await tokens_mailed(context.database, person.id, "password_reset")) == 1


async def test_no_mailbox_is_flooded(client: httpx.AsyncClient, context: Context) -> None:
    person = await register(client, "flooded")
    for _ in range(6):
        await forgotten(client, context, person)
        again = await client.post("/auth/verify-email", headers=person.headers)
        assert again.status_code == 202
    assert len(await tokens_mailed(context.database, person.id, "password_reset")) == 3
    assert len(await tokens_mailed(context.database, person.id, "email_verification")) == 3


async def test_a_suspended_account_is_not_written_to(client: httpx.AsyncClient, context: Context) -> None:
    person = await register(client, "suspended")
    async with context.database.transaction() as session:
        await session.execute(text("UPDATE account SET suspended_at = now()"))
    await send_password_reset(context, account_id=person.id)
    await send_password_reset(context, account_id=str(uuid4()))
    assert await tokens_mailed(context.database, person.id, "password_reset") == []


async def test_an_address_is_confirmed_by_the_letter_that_came_with_the_account(
    client: httpx.AsyncClient, context: Context
) -> None:
    person = await register(client, "new")
    assert (await client.get("/me", headers=person.headers)).json()["email_verified"] is False
    [token] = await tokens_mailed(context.database, person.id, "email_verification")
    refused(
        await client.post("/auth/password-reset/confirm", json=new_password(token)),
        400,
        "invalid_email_token",
    )
    assert (await client.post("/auth/verify-email/confirm", json={"token": token})).status_code == 204
    assert (await client.get("/me", headers=person.headers)).json()["email_verified"] is True
    again = await client.post("/auth/verify-email/confirm", json={"token": token})
    refused(again, 400, "invalid_email_token")
    assert (await client.post("/auth/verify-email", headers=person.headers)).status_code == 202
    assert await tokens_mailed(context.database, person.id, "email_verification") == [token]


async def test_who_proves_the_address_of_an_unproven_account_shares_it_with_nobody(
    client: httpx.AsyncClient, context: Context
) -> None:
    squatted = await register(client, "victim")
    async with context.database.transaction() as session:
        await identities.link(
            session,
            identity_id=new_id(),
            account_id=squatted.id,  # type: ignore[arg-type]  # the driver reads text as a UUID
            provider="elsewhere",
            issuer="https://elsewhere.example",
            subject="the squatter",
            email=None,
        )
    token = await forgotten(client, context, squatted)
    assert (await client.post("/auth/password-reset/confirm", json=new_password(token))).status_code == 204
    async with context.database.reading() as connection:
        left = await connection.execute(text("SELECT count(*) FROM linked_identity"))
        assert left.scalar_one() == 0


async def test_the_links_of_letters_lead_to_pages_that_do_it(
    client: httpx.AsyncClient, context: Context
) -> None:
    person = await register(client, "reader")
    [token] = await tokens_mailed(context.database, person.id, "email_verification")
    looked = await client.get("/verify-email", params={"token": token})
    assert looked.status_code == 200 and token in looked.text
    assert (await client.get("/me", headers=person.headers)).json()["email_verified"] is False
    assert (await client.post("/verify-email", data={"token": token})).status_code == 200
    assert (await client.get("/me", headers=person.headers)).json()["email_verified"] is True
    reset = await forgotten(client, context, person)
    assert (await client.get("/reset-password", params={"token": reset})).status_code == 200
    assert (await client.post("/reset-password", data=new_password(reset, "short"))).status_code == 400
    assert (await client.post("/reset-password", data=new_password(reset))).status_code == 200
    assert (await client.post("/reset-password", data=new_password(reset))).status_code == 400
    refused(await client.get("/me", headers=person.headers), 401, "unauthenticated")
    hostile = await client.get("/reset-password", params={"token": '"><script>'})
    assert hostile.status_code == 400 and "<script>" not in hostile.text


async def test_sessions_are_listed_with_their_devices_and_ended(client: httpx.AsyncClient) -> None:
    person = await register(client, "traveller")
    login = {"email": person.email, "password": "traveller has a password"}
    phone = await client.post("/auth/login", json=login, headers={"user-agent": "A phone/1.0 " + "x" * 400})
    listed = (await client.get("/me/sessions", headers=person.headers)).json()["data"]
    assert [entry["current"] for entry in listed] == [False, True]
    assert listed[0]["user_agent"].startswith("A phone/1.0") and len(listed[0]["user_agent"]) == 300
    assert set(listed[0]) == {"id", "user_agent", "created_at", "last_used_at", "current"}
    page = (await client.get("/me/sessions", params={"limit": 1}, headers=person.headers)).json()
    rest = await client.get(
        "/me/sessions", params={"limit": 1, "cursor": page["next_cursor"]}, headers=person.headers
    )
    assert [page["data"][0], rest.json()["data"][0]] == listed
    stranger = await register(client, "stranger")
    path = f"/me/sessions/{listed[0]['id']}"
    refused(await client.delete(path, headers=stranger.headers), 404, "session_not_found")
    assert (await client.delete(path, headers=person.headers)).status_code == 204
    refused(await client.delete(path, headers=person.headers), 404, "session_not_found")
    ended = {"authorization": f"Bearer {phone.json()['access_token']}"}
    refused(await client.get("/me", headers=ended), 401, "unauthenticated")
    body = {"refresh_token": phone.json()["refresh_token"]}
    refused(await client.post("/auth/refresh", json=body), 401, "invalid_refresh_token")
    assert len((await client.get("/me/sessions", headers=person.headers)).json()["data"]) == 1


async def test_logging_out_ends_this_session_alone(client: httpx.AsyncClient) -> None:
    person = await register(client, "leaver")
    login = {"email": person.email, "password": "leaver has a password"}
    other = (await client.post("/auth/login", json=login)).json()
    assert (await client.post("/auth/logout", headers=person.headers)).status_code == 204
    refused(await client.get("/me", headers=person.headers), 401, "unauthenticated")
    refused(await client.post("/auth/logout"), 401, "unauthenticated")
    headers = {"authorization": f"Bearer {other['access_token']}"}
    assert (await client.get("/me", headers=headers)).status_code == 200


async def test_refreshing_is_the_last_use(client: httpx.AsyncClient, database: Database) -> None:
    person = await register(client, "user")
    async with database.transaction() as session:
        await session.execute(text("UPDATE login_session SET last_used_at = now() - interval '2 hours'"))
    [before] = (await client.get("/me/sessions", headers=person.headers)).json()["data"]
    await client.post("/auth/refresh", json={"refresh_token": person.refresh_token})
    [after] = (await client.get("/me/sessions", headers=person.headers)).json()["data"]
    assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
    assert after["last_used_at"] > before["last_used_at"]


async def test_tokens_that_ran_out_are_forgotten(client: httpx.AsyncClient, context: Context) -> None:
    await register(client, "old")
    async with context.database.transaction() as session:
        await session.execute(text("UPDATE email_token SET expires_at = now() - interval '2 days'"))
    await purge_expired(context)
    async with context.database.reading() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM email_token"))).scalar_one() == 0
