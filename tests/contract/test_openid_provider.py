"""Signing in by a real OpenID provider, over sockets."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from service.platform.database import Database
from service.subscriber_api.accounts import router
from tests.contract.openid_provider import RealProvider, Unavailable, running
from tests.integration.openid import leave
from tests.integration.serving import SETTINGS, bare_context, register, serving

BACK = "http://127.0.0.1/auth/oidc/acme/callback"
LI = {"email": "li@example.com", "email_verified": True, "name": "李华"}


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    try:
        with running(BACK) as provider:
            yield provider
    except Unavailable as unavailable:
        pytest.skip(str(unavailable))


@pytest.fixture
async def browser(database: Database, provider: RealProvider) -> AsyncIterator[httpx.AsyncClient]:
    secret = "a secret of the tests, long enough"
    acme = {"name": "acme", "issuer": provider.issuer, "client_id": "zhihao", "client_secret": secret}
    update = {
        "oidc_providers": SecretStr(json.dumps([acme])),
        "oidc_keys_pause_seconds": 0,
        "public_url": "http://127.0.0.1",
    }
    async with serving(bare_context(database, SETTINGS.model_copy(update=update)), [router]) as client:
        yield client


async def come_back(browser: httpx.AsyncClient, provider: RealProvider, **claims: Any) -> httpx.Response:
    provider.control(person={"accountId": "li", "claims": claims})
    return await browser.get(provider.consent(await leave(browser)))


async def test_a_real_provider_signs_in_and_rotates_its_keys(
    browser: httpx.AsyncClient, provider: RealProvider
) -> None:
    seen = set()
    for _ in range(2):
        answer = await come_back(browser, provider, **LI)
        assert answer.status_code == 303, answer.text
        account = (await browser.get(answer.headers["location"])).json()["account"]
        assert (account["email"], account["display_name"]) == (LI["email"], LI["name"])
        seen.add(account["id"])
        provider.control(rotate=True)
    assert len(seen) == 1


async def test_a_real_code_is_good_once_and_for_its_browser(
    browser: httpx.AsyncClient, provider: RealProvider
) -> None:
    provider.control(person={"accountId": "li", "claims": LI})
    first = httpx.URL(provider.consent(await leave(browser)))
    cookie = browser.cookies["zhihao_sign_in"]
    assert first.params["iss"] == provider.issuer
    second = httpx.URL(provider.consent(await leave(browser)))
    # Somebody else's code, brought under one's own state: PKCE and nonce are of another browser.
    swapped = second.copy_set_param("code", first.params["code"])
    assert (await browser.get(swapped)).json()["code"] == "sign_in_failed"
    browser.cookies.clear()
    browser.cookies.set("zhihao_sign_in", cookie)
    # The provider revokes what came of a code that was misused, or still takes it: once at most.
    await browser.get(first)
    assert (await browser.get(first)).json()["code"] == "sign_in_expired"


async def test_a_real_provider_that_did_not_verify_an_address_opens_nothing(
    browser: httpx.AsyncClient, provider: RealProvider
) -> None:
    victim = await register(browser, "li")
    answer = await come_back(browser, provider, **LI | {"email_verified": False})
    assert answer.json()["code"] == "email_unverified"
    answer = await come_back(browser, provider, **LI)
    assert answer.json()["code"] == "link_required"
    assert (await browser.get("/me/identities", headers=victim.headers)).json()["data"] == []
