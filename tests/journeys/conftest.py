"""One service for all journeys: each brings its own people and knowledge bases."""

from collections.abc import Iterator

import pytest

from tests.journeys.people import OPEN, Person
from tests.journeys.serving import Served, fresh_folder, serving


@pytest.fixture(scope="session")
def service() -> Iterator[Served]:
    """A real ``zhihao serve`` on embedded parts; usage is reported sooner, to wait less."""
    with fresh_folder() as folder, serving(folder, ZHIHAO_USAGE_REPORT_SECONDS="2") as served:
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
