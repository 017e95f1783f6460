"""Signing in by a provider: who comes in, who is linked to what, and everything that is refused."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import OctKey
from pydantic import SecretStr
from sqlalchemy import text

from service.platform.areas.accounts import read_providers
from service.platform.database import Database
from service.subscriber_api.accounts import router
from service.usecases.context import Context
from tests.integration.mailbox import tokens_mailed
from tests.integration.openid import OpenId, bring, leave, new_key, providing
from tests.integration.serving import SETTINGS, SignedIn, bare_context, register, serving

LI = {"sub": "li", "email": "li@example.com", "email_verified": True, "name": "李华"}


@pytest.fixture(scope="module")
def _provider() -> Iterator[OpenId]:
    with providing() as provider:
        yield provider


@pytest.fixture
def provider(_provider: OpenId) -> OpenId:
    """The one provider of these tests, as it was at first."""
    fresh = OpenId(_provider.issuer, _provider.keys[:1])
    for name in OpenId.__dataclass_fields__:
        setattr(_provider, name, getattr(fresh, name))
    return _provider


@pytest.fixture
def context(database: Database, provider: OpenId) -> Context:
    acme = {"name": "acme", "issuer": provider.issuer, "client_id": "zhihao", "client_secret": "hush"}
    work = acme | {"name": "work", "email_domains": ["corp.example"]}
    update = {
        "oidc_providers": SecretStr(json.dumps([acme, work])),
        "oidc_keys_pause_seconds": 0,
        "public_url": "http://127.0.0.1",
    }
    return bare_context(database, SETTINGS.model_copy(update=update))


@pytest.fixture
async def browser(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(context, [router]) as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    body: dict[str, Any] = answer.json()
    return body


async def sign_in(browser: httpx.AsyncClient, provider: OpenId, **claims: Any) -> dict[str, Any]:
    answer = await bring(browser, provider.consent(await leave(browser), **claims))
    assert answer.status_code == 303, answer.text
    tokens = await browser.get(answer.headers["location"])
    assert tokens.status_code == 200, tokens.text
    found: dict[str, Any] = tokens.json()
    return found


async def verified(browser: httpx.AsyncClient, database: Database, name: str) -> SignedIn:
    person = await register(browser, name)
    [token] = await tokens_mailed(database, person.id, "email_verification")
    assert (await browser.post("/auth/verify-email/confirm", json={"token": token})).status_code == 204
    return person


async def test_somebody_new_is_known_again(browser: httpx.AsyncClient, provider: OpenId) -> None:
    first = await sign_in(browser, provider, **LI)
    account = first["account"]
    assert (account["email"], account["display_name"], account["email_verified"]) == (
        LI["email"],
        "李华",
        True,
    )
    headers = {"authorization": f"Bearer {first['access_token']}"}
    assert (await browser.get("/me", headers=headers)).json()["id"] == account["id"]
    again = await sign_in(browser, provider, sub="li", email="moved@example.com", email_verified=True)
    assert again["account"]["id"] == account["id"]
    assert len((await browser.get("/me/sessions", headers=headers)).json()["data"]) == 2


async def test_the_browser_is_sent_with_pkce_state_and_nonce(browser: httpx.AsyncClient) -> None:
    url = httpx.URL(await leave(browser))
    query = dict(url.params)
    assert url.path == "/authorize"
    assert (query["response_type"], query["client_id"], query["scope"]) == (
        "code",
        "zhihao",
        "openid email profile",
    )
    assert query["redirect_uri"] == "http://127.0.0.1/auth/oidc/acme/callback"
    assert query["code_challenge_method"] == "S256"
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3
    assert dict(httpx.URL(await leave(browser)).params)["state"] != query["state"]
    refused(await browser.get("/auth/oidc/nobody/login"), 404, "provider_not_found")
    assert (await browser.get("/auth/oidc")).json() == ["acme", "work"]


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://elsewhere.example"},
        {"aud": "another client"},
        {"aud": ["zhihao", "another"]},
        {"aud": ["zhihao", "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": 9_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 300},
    ],
)
async def test_an_id_token_that_says_otherwise_is_refused(
    browser: httpx.AsyncClient, provider: OpenId, claims: dict[str, Any]
) -> None:
    brought = provider.consent(await leave(browser), **LI | claims)
    refused(await bring(browser, brought), 400, "sign_in_failed")
    refused(await browser.get("/auth/oidc/signed-in"), 400, "sign_in_expired")


async def test_a_forged_signature_is_refused(browser: httpx.AsyncClient, provider: OpenId) -> None:
    provider.signed_by = new_key("first")
    refused(await bring(browser, provider.consent(await leave(browser), **LI)), 400, "sign_in_failed")
    provider.signed_by = OctKey.import_key("hush, and more of it: 32 characters")
    provider.header = {"alg": "HS256"}
    refused(await bring(browser, provider.consent(await leave(browser), **LI)), 400, "sign_in_failed")


async def test_new_keys_are_asked_for_when_a_token_names_one(
    browser: httpx.AsyncClient, provider: OpenId
) -> None:
    await sign_in(browser, provider, **LI)
    provider.keys = [*provider.keys, new_key("second")]
    await sign_in(browser, provider, **LI)
    provider.keys = [new_key("third")]
    await sign_in(browser, provider, **LI)
    assert provider.asked.count("/keys") == 3
    assert provider.asked.count("/.well-known/openid-configuration") == 1


async def test_an_answer_is_taken_from_the_browser_that_was_sent_and_once(
    browser: httpx.AsyncClient, provider: OpenId
) -> None:
    brought = provider.consent(await leave(browser), **LI)
    cookie = browser.cookies["zhihao_sign_in"]
    browser.cookies.clear()
    refused(await bring(browser, brought), 400, "sign_in_expired")
    await leave(browser)  # the victim's own sign-in, to which an attacker brings their answer
    refused(await bring(browser, brought), 400, "sign_in_expired")
    browser.cookies.clear()
    browser.cookies.set("zhihao_sign_in", cookie)
    refused(await bring(browser, brought | {"state": "another"}), 400, "sign_in_expired")
    refused(await bring(browser, brought, "work"), 400, "sign_in_expired")
    assert (await bring(browser, brought)).status_code == 303
    browser.cookies.clear()
    browser.cookies.set("zhihao_sign_in", cookie)
    refused(await bring(browser, brought), 400, "sign_in_expired")
    refused(await browser.get("/auth/oidc/signed-in"), 400, "sign_in_expired")


async def test_the_tokens_are_fetched_once(browser: httpx.AsyncClient, provider: OpenId) -> None:
    brought = provider.consent(await leave(browser, return_to="/k/a?b=c"), **LI)
    answer = await bring(browser, brought)
    assert answer.headers["location"] == "/k/a?b=c"
    assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=lax" in answer.headers["set-cookie"]
    ticket = browser.cookies["zhihao_sign_in"]
    assert (await browser.get("/auth/oidc/signed-in")).status_code == 200
    browser.cookies.clear()
    browser.cookies.set("zhihao_sign_in", ticket)
    refused(await browser.get("/auth/oidc/signed-in"), 400, "sign_in_expired")


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\n"]
)
async def test_nobody_is_sent_on_to_another_host(browser: httpx.AsyncClient, path: str) -> None:
    refused(await browser.get("/auth/oidc/acme/login", params={"return_to": path}), 400, "invalid_input")


async def test_a_sign_in_takes_minutes_at_most(
    browser: httpx.AsyncClient, provider: OpenId, database: Database
) -> None:
    brought = provider.consent(await leave(browser), **LI)
    async with database.transaction() as session:
        await session.execute(text("UPDATE sign_in_attempt SET expires_at = now() - interval '1 second'"))
    refused(await bring(browser, brought), 400, "sign_in_expired")


@pytest.mark.parametrize("issuer", ["https://elsewhere.example", None])
async def test_an_answer_of_another_provider_is_not_taken_to_this_one(
    browser: httpx.AsyncClient, provider: OpenId, issuer: str | None
) -> None:
    brought = provider.consent(await leave(browser), **LI)
    told = {name: value for name, value in (brought | {"iss": issuer}).items() if value is not None}
    refused(await bring(browser, told), 400, "sign_in_failed")
    assert "/token" not in provider.asked


async def test_who_says_no_there_is_not_signed_in(browser: httpx.AsyncClient, provider: OpenId) -> None:
    brought = provider.consent(await leave(browser))
    told = {"error": "access_denied", "state": brought["state"], "iss": provider.issuer}
    refused(await bring(browser, told), 400, "sign_in_failed")
    brought = provider.consent(await leave(browser), **LI)
    refused(await bring(browser, brought | {"code": "made up"}), 400, "sign_in_failed")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/userinfo"])
async def test_a_provider_that_is_down_is_told(
    browser: httpx.AsyncClient, provider: OpenId, path: str
) -> None:
    provider.broken = {path}
    answer = await browser.get("/auth/oidc/acme/login")
    if answer.status_code == 303:
        answer = await bring(browser, provider.consent(answer.headers["location"], sub="li"))
    refused(answer, 503, "provider_unavailable")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
    ],
)
async def test_a_provider_that_describes_itself_oddly_is_not_gone_to(
    browser: httpx.AsyncClient, provider: OpenId, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    refused(await browser.get("/auth/oidc/acme/login"), 503, "provider_unavailable")


async def test_an_address_that_only_userinfo_tells_is_of_the_same_person(
    browser: httpx.AsyncClient, provider: OpenId
) -> None:
    provider.userinfo = {**LI, "sub": "somebody else"}
    refused(await bring(browser, provider.consent(await leave(browser), sub="li")), 400, "sign_in_failed")
    provider.userinfo = dict(LI)
    assert (await sign_in(browser, provider, sub="li"))["account"]["email"] == LI["email"]


@pytest.mark.parametrize(
    "proof", [{"email_verified": False}, {"email_verified": "true"}, {"email": None}, {}]
)
async def test_an_unverified_address_opens_and_reaches_no_account(
    browser: httpx.AsyncClient, provider: OpenId, database: Database, proof: dict[str, Any]
) -> None:
    victim = await verified(browser, database, "victim")
    provider.userinfo = {"sub": "attacker"}
    for email in (victim.email, "nobody@example.com"):
        claims = {"sub": "attacker", "email": email} | proof
        answer = await bring(browser, provider.consent(await leave(browser), **claims))
        refused(answer, 403, "email_unverified")
    assert (await browser.get("/me/identities", headers=victim.headers)).json()["data"] == []


async def test_an_account_whose_address_nobody_proved_is_not_shared_with_its_owner(
    browser: httpx.AsyncClient, provider: OpenId
) -> None:
    squatter = await register(browser, "li")
    answer = await bring(browser, provider.consent(await leave(browser), **LI))
    refused(answer, 409, "link_required")
    assert (await browser.get("/me/identities", headers=squatter.headers)).json()["data"] == []


async def test_addresses_proven_on_both_sides_are_one_account(
    browser: httpx.AsyncClient, provider: OpenId, database: Database
) -> None:
    person = await verified(browser, database, "li")
    assert (await sign_in(browser, provider, **LI | {"email": "LI@Example.com"}))["account"][
        "id"
    ] == person.id


async def test_a_company_is_believed_about_its_own_addresses_alone(
    browser: httpx.AsyncClient, provider: OpenId
) -> None:
    answer = await bring(browser, provider.consent(await leave(browser, "work"), **LI), "work")
    refused(answer, 403, "email_unverified")
    own = LI | {"email": "li@corp.example"}
    assert (await bring(browser, provider.consent(await leave(browser, "work"), **own), "work")).is_redirect


async def test_an_identity_is_linked_by_who_is_signed_in_and_taken_off_again(
    browser: httpx.AsyncClient, provider: OpenId, database: Database
) -> None:
    person, other = await register(browser, "li"), await register(browser, "other")

    async def link(who: SignedIn, subject: str) -> httpx.Response:
        begun = await browser.post("/me/identities", json={"provider": "acme"}, headers=who.headers)
        assert begun.status_code == 202, begun.text
        return await bring(browser, provider.consent(begun.json()["url"], **LI | {"sub": subject}))

    assert (await link(person, "li")).status_code == 303
    assert (await link(person, "li")).status_code == 303
    assert (await sign_in(browser, provider, **LI))["account"]["id"] == person.id
    refused(await link(other, "li"), 409, "identity_taken")
    [identity] = (await browser.get("/me/identities", headers=person.headers)).json()["data"]
    assert (identity["provider"], identity["subject"], identity["email"]) == ("acme", "li", LI["email"])
    path = f"/me/identities/{identity['id']}"
    refused(await browser.delete(path, headers=other.headers), 404, "identity_not_found")
    async with database.transaction() as session:
        await session.execute(text("UPDATE account SET password_hash = NULL"))
    refused(await browser.delete(path, headers=person.headers), 409, "last_sign_in")
    assert (await link(person, "second")).status_code == 303
    assert (await browser.delete(path, headers=person.headers)).status_code == 204


async def test_a_session_that_ended_links_nothing(browser: httpx.AsyncClient, provider: OpenId) -> None:
    person = await register(browser, "li")
    begun = await browser.post("/me/identities", json={"provider": "acme"}, headers=person.headers)
    await browser.post("/auth/logout", headers=person.headers)
    refused(await bring(browser, provider.consent(begun.json()["url"], **LI)), 400, "sign_in_expired")


async def test_a_suspended_account_is_not_signed_in_to(
    browser: httpx.AsyncClient, provider: OpenId, database: Database
) -> None:
    await sign_in(browser, provider, **LI)
    async with database.transaction() as session:
        await session.execute(text("UPDATE account SET suspended_at = now()"))
    refused(await bring(browser, provider.consent(await leave(browser), **LI)), 403, "account_suspended")


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://login.example"},
        {"issuer": "https://login.example/?a"},
        {"name": "../acme"},
        {"scopes": "email"},
        {"secret": "misspelt"},
    ],
)
def test_providers_that_cannot_be_right_stop_the_start(change: dict[str, str]) -> None:
    right = {"name": "acme", "issuer": "https://login.example", "client_id": "zhihao"}
    assert list(read_providers(json.dumps([right]))) == ["acme"]
    with pytest.raises(ValueError):
        read_providers(json.dumps([right | change]))
