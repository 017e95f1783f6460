"""For those who build on the service: what the OpenAPI document says is what the service does."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.clients import bringing
from tests.journeys import texts
from tests.journeys.conftest import OPERATOR, serving_soon
from tests.journeys.people import Caller, Person, first_metered
from tests.journeys.serving import Served
from tests.journeys.trying import Trial
from tests.scale import times


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    """One of this file's own: an operator's calls at random change what all others meet, the platform's share
    among it."""
    with serving_soon() as served:
        yield served


@pytest.fixture(scope="module")
def document(service: Served) -> dict[str, Any]:
    answer = httpx.get(f"{service.url}/schema/openapi.json", timeout=30, trust_env=False)
    return dict(answer.json())


def token_of(person: Caller) -> str:
    return person.http.headers["authorization"].removeprefix("Bearer ")


@pytest.mark.soak
def test_every_operation_does_what_the_document_says(service: Served, document: dict[str, Any]) -> None:
    creator = Person(service.url, "林知行")
    creator.open_profile()
    asked = creator.publish_texts("玫瑰 to be asked", [texts.ROSE])
    changed = creator.publish_texts("薰衣草 to be changed", [texts.LAVENDER])
    documents = creator.get(f"/creator/v1/knowledge-bases/{changed['id']}/documents")["data"]
    organization = creator.found_organization()
    path = f"/enterprise/v1/organizations/{organization}/keys"
    body = {"name": "trial", "scopes": ["passages:read", "answers:write"]}
    key, other = creator.post(path, body), creator.post(path, body)
    query = {"query": "roses", "knowledge_base_ids": [asked["id"]], "top_k": 1}
    first_metered(Caller(service.url, key["secret"]), "/api/v1/passages", query)
    trial = Trial(
        service.url,
        document,
        credentials={
            "access_token": token_of(creator),
            "api_key": key["secret"],
            "operator": token_of(Person(service.url, email=OPERATOR)),
            "leaver": token_of(Person(service.url)),
        },
        ids={
            "asked": asked["id"],
            "id_or_slug": asked["slug"],
            "knowledge_base": asked["slug"],
            "knowledge_base_id": changed["id"],
            "plan_id": changed["plan"]["id"],
            "document_id": documents[0]["id"],
            "organization_id": organization,
            "key_id": other["id"],
            "model": f"kb/{asked['slug']}",
        },
    )
    trial.run(examples=times(1, 25))
    assert not trial.faults, "\n\n".join(f"{label}: {fault}" for label, fault in trial.faults.items())
    assert trial.answers["positive 200"] > 50 and trial.answers["negative 400"] > 50


def test_a_client_generated_from_the_document_goes_from_an_account_to_a_passage(
    service: Served, document: dict[str, Any]
) -> None:
    anywhere = json.dumps(document).replace(document["servers"][0]["url"], "http://127.0.0.1")
    try:
        interpreter, folder = bringing.typed(anywhere.encode())
    except bringing.Unavailable as reason:
        pytest.skip(f"the generator cannot be brought here: {reason}")
    command = [interpreter, str(folder / "journey.py"), service.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["taken"] == "email_taken" and told["published"] == "published"
    assert "potash" in told["text"] and told["title"] == "roses"
    assert (told["billed"], told["chart"]) == ("1", "<svg ")
    assert told["rate limit"].startswith('"minute";r=')
