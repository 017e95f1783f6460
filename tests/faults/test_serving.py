"""One service through its faults: its parts are killed one after another while it is called, and it ends as
promised. What was acknowledged is there afterwards, once."""

import asyncio
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import httpx2
import psycopg
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from service.platform.postgres import EmbeddedPostgres
from tests.faults.load import UNANSWERED, Load, stalling_model
from tests.faults.running import Running, called, children, command, gone, run, stretched, until, zhihao
from tests.journeys import texts
from tests.journeys.people import OPEN, Person, eventually, fen, first_metered, pay
from tests.journeys.serving import free_port, fresh_folder
from tests.own_time import own_time

pytestmark = pytest.mark.timed
BACK_SECONDS = 10
SAID = "Feed roses with potash in early spring and again after the first flush of flowers in June. [1]"


@dataclass
class World:
    """The service of this file, restarted on one folder and one port, and people with rights in it."""

    stack: ExitStack
    folder: Path
    port: int
    model: str
    running: Running
    creator: Person
    base: dict[str, Any]
    secret: str
    told: list[Load] = field(default_factory=list)

    def load(self) -> Load:
        self.told.append(Load(self.running.url, self.secret, self.base["id"]))
        return self.told[-1]

    def restart(self) -> None:
        self.running = self.stack.enter_context(
            run(self.folder, port=self.port, ZHIHAO_OPENAI_BASE_URL=self.model,
                ZHIHAO_OPENAI_MODEL="stub", ZHIHAO_OPENAI_API_KEY="none")
        )  # fmt: skip

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(EmbeddedPostgres(self.folder).url) as connection:
            return connection.execute(query.encode()).fetchall()

    def count(self, query: str) -> int:
        number: int = self.rows(query)[0][0]
        return number

    def nothing_acknowledged_is_lost(self, load: Load, before: int) -> None:
        """Nor is anything counted that nobody called for."""
        counted = self.count("SELECT count(*) FROM usage_event") - before
        assert load.told[200] <= counted <= sum(load.told.values()), load.told
        assert set(load.told) <= {200, 503, UNANSWERED}, load.problems[:3]

    def events(self) -> int:
        return self.count("SELECT count(*) FROM usage_event")

    def works_again(self, load: Load) -> None:
        """A metered call succeeds, and goes on succeeding."""

        def well() -> bool:
            with load.client() as client:
                statuses = [load.call(client) for _ in range(8)]
            load.told.update(statuses)
            return set(statuses) == {200}

        until(well, stretched(BACK_SECONDS), "the service")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """On a long path, in a private folder that holds other things, named relative to another one."""
    with ExitStack() as stack:
        folder = stack.enter_context(fresh_folder()) / ("a long name " * 12) / "data"
        folder.mkdir(parents=True)
        folder.chmod(0o700)
        (folder / "notes.txt").write_text("somebody's own")
        model = stack.enter_context(stalling_model(SAID))
        port = free_port()
        began = own_time()
        running = stack.enter_context(
            run(folder, "--workers", "2", port=port, ZHIHAO_OPENAI_BASE_URL=model, ZHIHAO_OPENAI_MODEL="stub",
                ZHIHAO_OPENAI_API_KEY="none")
        )  # fmt: skip
        assert own_time() - began < stretched(30)
        creator = Person(running.url, "林知行")
        creator.open_profile()
        base = creator.publish_texts("園藝", [texts.ROSE, texts.LAVENDER])
        reader = Person(running.url)
        reader.subscribe(base)
        tip = {"knowledge_base_id": base["id"], "price": fen(500)}
        pay(reader.post("/v1/tips", tip)["checkout_url"])
        enterprise = Person(running.url)
        organization_id = enterprise.found_organization()
        body = {"name": "agent", "scopes": ["passages:read", "answers:write"]}
        secret = enterprise.post(f"/enterprise/v1/organizations/{organization_id}/keys", body)["secret"]
        made = World(stack, folder, port, model, running, creator, base, secret)
        key = enterprise.make_key(organization_id)
        first_metered(key, "/api/v1/passages", made.load()._body)
        yield made
        for client in OPEN:
            client.close()


def test_secrets_are_private_and_the_folder_keeps_what_it_held(world: World) -> None:
    assert (world.folder / "embedded.json").stat().st_mode & 0o777 == 0o600
    assert (world.folder / "notes.txt").read_text() == "somebody's own"


def test_two_workers_are_measured_as_one(world: World) -> None:
    for _ in range(20):
        httpx.get(f"{world.running.url}/health/live", trust_env=False)

    def counted() -> float:
        told = httpx.get(f"{world.running.url}/metrics", trust_env=False).text
        found = re.search(r'zhihao_http_requests_total\{.*route="/health/live",status="200"\} (\S+)', told)
        return float(found[1]) if found else 0.0

    seen = [counted() for _ in range(6)]
    assert min(seen) >= 20, seen


def test_agents_are_answered_by_either_worker_and_counted_once(world: World) -> None:
    """Nothing is kept between two requests: each comes over a connection of its own, to whoever takes it."""
    person = world.creator
    organization_id = person.found_organization()
    asked = {"query": "feed roses", "knowledge_base_ids": [world.base["id"]]}
    first_metered(person.make_key(organization_id), "/api/v1/passages", asked)
    limit, calls = 3, 5
    key = person.make_key(organization_id, rate_limit=limit)
    left: list[str] = []

    async def keep(answer: httpx2.Response) -> None:
        left.extend(answer.headers.get_list("ratelimit"))

    async def called() -> list[Any]:
        headers = {"Authorization": key.http.headers["authorization"], "Connection": "close"}
        hooks = {"response": [keep]}
        http = httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30, event_hooks=hooks)
        address = f"{world.running.url}/mcp"
        async with http, Client(streamable_http_client(address, http_client=http)) as agent:
            for _ in range(10):
                assert (await agent.list_tools()).tools
            asked = {"knowledge_base": world.base["slug"], "query": "feed roses", "top_k": 1}
            return [await agent.call_tool("search_knowledge_base", asked) for _ in range(calls)]

    before = {pid: ticks(pid) for pid in world.running.api_workers()}
    told = asyncio.run(called())
    world.load().told[200] += 1 + limit
    codes = [one.structured_content.get("code") for one in told]
    assert codes == [None] * limit + ["rate_limited"] * (calls - limit)
    assert [line.split(";")[1] for line in left][:limit] == [f"r={limit - n}" for n in range(1, limit + 1)]
    assert len(left) == calls
    assert all(ticks(pid) > used for pid, used in before.items()), "both have worked"


def ticks(pid: int) -> int:
    """The CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_what_forks_has_no_threads_and_each_part_says_what_it_is(world: World) -> None:
    supervisor = world.running.process.pid
    assert len(list(Path(f"/proc/{supervisor}/task").iterdir())) == 1
    assert {"zhihao-api", "zhihao-worker"} < {called(pid) for pid in children(supervisor)}


def test_a_killed_api_worker_comes_back(world: World) -> None:
    before, load = world.events(), world.load()
    with load.running():
        time.sleep(0.5)
        os.kill(world.running.api_workers()[0], signal.SIGKILL)
        world.works_again(load)
        until(lambda: len(world.running.api_workers()) == 2, stretched(BACK_SECONDS), "the other worker")
    world.nothing_acknowledged_is_lost(load, before)


@pytest.mark.parametrize("whom", ["a backend", "the postmaster"])
def test_a_killed_database_comes_back(world: World, whom: str) -> None:
    before, load = world.events(), world.load()
    postmaster = world.running.postmaster()
    with load.running():
        time.sleep(0.5)
        backends = [pid for pid in children(postmaster) if "zhihao zhihao" in command(pid)]
        for pid in [postmaster] if whom == "the postmaster" else backends[:2]:
            with suppress(ProcessLookupError):  # a child of a killed one's server goes with it
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        world.works_again(load)
    world.nothing_acknowledged_is_lost(load, before)
    assert world.running.process.poll() is None


def test_an_import_outlives_its_worker(world: World) -> None:
    text = "# Plant {0}\n\n" + "Plant {0} wants {0} ml of water.\n" * 40
    files = {f"{number:03}.md": text.format(number).encode() for number in range(300)}
    base = world.creator.make_base("三百")
    path = f"/creator/v1/knowledge-bases/{base['id']}/imports"
    job = world.creator.call(
        "POST", path, expect=202, files={"file": ("p.zip", texts.archive(files))}, data={"kind": "archive"}
    )

    def state() -> dict[str, Any]:
        found: dict[str, Any] = world.creator.get(f"/creator/v1/imports/{job['id']}")
        return found

    eventually(lambda: state()["done"] or None, seconds=20, what="the first entries")
    os.kill(world.running.part("zhihao-worker"), signal.SIGKILL)
    assert state()["status"] == "running"
    eventually(lambda: state()["status"] == "done" or None, seconds=30, what="the import")
    assert (state()["done"], state()["total"], state()["failed"]) == (300, 300, [])
    where = f"WHERE knowledge_base_id = '{base['id']}'"
    assert world.rows(f"SELECT count(*), count(DISTINCT file_name) FROM document {where}") == [(300, 300)]
    assert world.count(f"SELECT paid_documents FROM knowledge_base WHERE id = '{base['id']}'") == 300


def test_commands_get_on_with_a_live_service(world: World, tmp_path: Path) -> None:
    again = zhihao(world.folder, "serve", "--port", str(free_port()))
    assert again.returncode == 2
    assert f"in use by another zhihao serve (process {world.running.process.pid})" in again.stderr
    file = tmp_path / "fern.zip"
    file.write_bytes(texts.archive({"fern.md": texts.FERN.encode()}))
    imported = zhihao(world.folder, "import", str(file), "--knowledge-base", world.base["slug"])
    assert imported.returncode == 0, imported.stderr
    assert "1 of 1 entries" in imported.stdout
    reindexed = zhihao(world.folder, "reindex", "--knowledge-base", world.base["slug"])
    assert reindexed.returncode == 0, reindexed.stderr
    examined = zhihao(world.folder, "doctor")
    assert examined.returncode == 0, examined.stdout + examined.stderr


def test_a_killed_supervisor_takes_all_with_it_and_the_next_start_finds_everything(world: World) -> None:
    before, load = world.events(), world.load()
    parts = [*world.running.parts(), world.running.postmaster(), *children(world.running.postmaster())]
    assert len(parts) > 8
    with load.running():
        time.sleep(0.5)
        world.running.process.kill()
        world.running.process.wait()
        assert gone(parts, 2), "a process outlived the supervisor"
    began = own_time()
    world.restart()
    assert own_time() - began < stretched(BACK_SECONDS)
    world.nothing_acknowledged_is_lost(load, before)
    assert world.creator.get("/me")["email"] == world.creator.email
    world.works_again(load)


def test_it_stops_in_time_under_load_with_a_stream_open(world: World) -> None:
    load = world.load()
    heard: list[str] = []
    begun = threading.Event()

    def listen() -> None:
        body = {
            "question": "When should I feed roses with potash?",
            "knowledge_base_ids": [world.base["id"]],
            "stream": True,
        }
        headers = {"Accept": "text/event-stream"}
        with (
            load.client() as client,
            client.stream("POST", "/api/v1/answers", json=body, headers=headers) as response,
        ):
            for line in response.iter_lines():
                if line.startswith("event:"):
                    heard.append(line[6:].strip())
                    if heard[-1] == "delta":
                        begun.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert begun.wait(10), heard
    parts = [*world.running.parts(), world.running.postmaster(), *children(world.running.postmaster())]
    before = len(world.running.log)
    with load.running():
        time.sleep(0.5)
        world.running.stop()
    assert gone(parts, 0.5), "a process is left"
    listener.join()
    assert heard[-1] == "error"
    assert "Traceback" not in world.running.log[before:]


def test_without_a_service_the_books_are_whole(world: World, tmp_path: Path) -> None:
    examined = zhihao(world.folder, "doctor")
    assert examined.returncode == 0, examined.stdout + examined.stderr
    server = EmbeddedPostgres(world.folder)
    server.start()
    try:
        told = sum(load.told[200] for load in world.told)
        asked = sum(sum(load.told.values()) for load in world.told)
        assert told <= world.events() <= asked + 1
        assert world.count("SELECT count(*) FROM reservation WHERE state = 'held'"
                           " AND expires_at < zhihao_now()") == 0  # fmt: skip
    finally:
        server.leave(seconds=5)


def test_the_log_is_one_json_event_a_line_without_secrets_or_texts(world: World) -> None:
    log = world.running.log
    secrets = (world.folder / "embedded.json").read_text().split('"')
    for secret in [world.secret, *(word for word in secrets if len(word) > 30), "potash", "薰衣草"]:
        assert secret not in log
