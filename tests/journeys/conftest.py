"""One service for all journeys: each brings its own people and knowledge bases."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.journeys.people import OPEN, Person
from tests.journeys.serving import Served, free_port, fresh_folder, serving

OPERATOR = "operator@example.com"
ISSUER = f"http://127.0.0.1:{free_port()}"
"""Where a provider of OpenID may be started."""


@contextmanager
def serving_soon() -> Iterator[Served]:
    """A real ``zhihao serve`` on embedded parts. Some things happen sooner, to wait less; sites of the tests
    are on this machine."""
    secret = "a secret of the tests, long enough"
    acme = {"name": "acme", "issuer": ISSUER, "client_id": "zhihao", "client_secret": secret}
    sooner = {
        "ZHIHAO_OIDC_PROVIDERS": json.dumps([acme]),
        "ZHIHAO_OIDC_KEYS_PAUSE_SECONDS": "0",
        "ZHIHAO_USAGE_REPORT_SECONDS": "2",
        "ZHIHAO_SOURCE_SWEEP_SECONDS": "2",
        "ZHIHAO_SOURCE_CHECK_SECONDS": "2",
        "ZHIHAO_EGRESS_ALLOW_LOOPBACK": "true",
        "ZHIHAO_OPERATOR_EMAILS": OPERATOR,
    }
    with fresh_folder() as folder, serving(folder, **sooner) as served:
        yield served


@pytest.fixture(scope="session")
def service() -> Iterator[Served]:
    """The service of all that leave it as it was for others."""
    with serving_soon() as served:
        yield served
        for client in OPEN:
            client.close()


@pytest.fixture
def person(service: Served) -> Person:
    """Somebody new."""
    return Person(service.url)


@pytest.fixture
def creator(service: Served) -> Person:
    """Somebody new with a profile."""
    somebody = Person(service.url, "林知行")
    somebody.open_profile()
    return somebody
