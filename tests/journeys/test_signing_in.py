"""Somebody signs in by their company's provider of OpenID, a real one."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.openid_provider import RealProvider, Unavailable, running
from tests.journeys.conftest import ISSUER
from tests.journeys.people import Caller
from tests.journeys.serving import Served

LI = {"email": "li@acme.example", "email_verified": True, "name": "李华"}


@pytest.fixture
def provider(service: Served) -> Iterator[RealProvider]:
    port = urlsplit(ISSUER).port
    assert port is not None
    try:
        with running(f"{service.url}/auth/oidc/acme/callback", port=port) as started:
            yield started
    except Unavailable as unavailable:
        pytest.skip(str(unavailable))


def signed_in(service: Served, provider: RealProvider) -> dict[str, Any]:
    """The session that a browser has got by going where it was sent."""
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as browser:
        sent = browser.get("/auth/oidc/acme/login")
        assert sent.headers["location"].startswith(f"{ISSUER}/"), sent.text
        back = browser.get(provider.consent(sent.headers["location"]))
        assert back.status_code == 303, back.text
        there = browser.get(back.headers["location"])
        assert there.status_code == 200, there.text
        return dict(there.json())


def test_a_developer_signs_in_by_the_companys_provider(service: Served, provider: RealProvider) -> None:
    assert httpx.get(f"{service.url}/auth/oidc", trust_env=False).json() == ["acme"]
    provider.control(person={"accountId": "li", "claims": LI})
    first = signed_in(service, provider)
    assert (first["account"]["email"], first["account"]["display_name"]) == (LI["email"], LI["name"])
    provider.control(rotate=True)
    again = signed_in(service, provider)
    assert again["account"]["id"] == first["account"]["id"]
    person = Caller(service.url, again["access_token"])
    assert person.get("/me")["email"] == LI["email"]
    assert [one["provider"] for one in person.get("/me/identities")["data"]] == ["acme"]
    assert len(person.get("/me/sessions")["data"]) == 2
    organization = person.post("/enterprise/v1/organizations", {"name": "Acme"})
    assert organization["id"]
