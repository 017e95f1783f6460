"""A full disk: the service refuses what it cannot keep, loses nothing, and goes on when there is room."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.load import UNANSWERED, Load
from tests.faults.running import Running, environment, run, stretched, until
from tests.journeys import texts
from tests.journeys.people import OPEN, Person, first_metered
from tests.journeys.serving import fresh_folder

MEGABYTES = 150
SMALL = ("unshare", "-Urm", "sh", "-c", f'mount -t tmpfs -o size={MEGABYTES}m none "$0" && exec "$@"')
"""Mounts a small disk on a folder, for itself and its children alone."""
ASKED_MOST = 400


@dataclass
class World:
    running: Running
    creator: Person
    owner: Person
    organization_id: str
    base_id: str
    load: Load

    @property
    def filler(self) -> Path:
        """On the small disk, which is there for its own processes alone."""
        return Path(f"/proc/{self.running.process.pid}/root{self.running.folder}/filler")

    def fill(self) -> None:
        with self.filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def billed(self) -> int:
        usage = self.owner.get(f"/enterprise/v1/organizations/{self.organization_id}/usage")
        return int(usage["total"]["units"])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with ExitStack() as stack:
        folder = stack.enter_context(fresh_folder()) / "data"
        folder.mkdir()
        under = [*SMALL, str(folder)]
        if subprocess.run([*under, "true"], capture_output=True, check=False).returncode:
            pytest.skip("no small disk can be mounted here")
        running = stack.enter_context(run(folder, under=under))
        creator = Person(running.url)
        creator.open_profile()
        base = creator.publish_texts("園藝", [texts.ROSE])
        owner = Person(running.url)
        organization_id = owner.found_organization()
        key = owner.post(
            f"/enterprise/v1/organizations/{organization_id}/keys",
            {"name": "agent", "scopes": ["passages:read", "answers:write"]},
        )
        load = Load(running.url, key["secret"], base["id"])
        first_metered(owner.make_key(organization_id), "/api/v1/passages", load._body)
        yield World(running, creator, owner, organization_id, base["id"], load)
        for client in OPEN:
            client.close()


def test_what_cannot_be_kept_is_refused_and_what_was_kept_is_there(world: World) -> None:
    before = world.billed()
    question = {"question": "When should I feed roses with potash?", "knowledge_base_ids": [world.base_id]}
    world.fill()
    statuses: list[int] = []
    with world.load.client() as client:
        while 503 not in statuses and len(statuses) < ASKED_MOST:
            try:
                statuses.append(client.post("/api/v1/answers", json=question).status_code)
            except Exception:
                statuses.append(UNANSWERED)
        assert 503 in statuses, statuses
        upload = world.creator.http.post(
            f"/creator/v1/knowledge-bases/{world.base_id}/documents",
            files={"file": ("fern.md", texts.FERN.encode() * 10)},
            data={"tier": "paid"},
        )
        assert upload.status_code == 503, upload.text
        world.filler.unlink()
        until(lambda: world.load.call(client) == 200, stretched(20), "the service")
    world.creator.upload(world.base_id, "fern.md", texts.FERN)
    assert set(statuses) <= {200, 503, UNANSWERED}
    acknowledged = statuses.count(200)
    assert acknowledged < world.billed() - before <= len(statuses) + 1
    inside = ["nsenter", "-t", str(world.running.process.pid), "-U", "-m", "--preserve-credentials"]
    examined = subprocess.run(
        [*inside, sys.executable, "-m", "service.cli", "doctor"],
        env=environment(world.running.folder, PYTHONPATH=os.getcwd()),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert examined.returncode == 0, examined.stdout + examined.stderr
