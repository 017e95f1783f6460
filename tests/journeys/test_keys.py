"""A leaked key is rotated while it works, and no call fails."""

import threading
from typing import Any

import httpx

from tests.journeys import texts
from tests.journeys.people import Person, first_metered

PASSAGES = "/api/v1/passages"


def test_a_leaked_key_is_rotated_with_no_failed_call(creator: Person, person: Person) -> None:
    base = creator.publish_texts("輪替", [texts.ROSE])
    organization = person.found_organization()
    key = person.make_key(organization)
    query = {"query": "feed roses with potash", "knowledge_base_ids": [base["id"]], "top_k": 1}
    first_metered(key, PASSAGES, query)
    leaked = key.http.headers["authorization"]
    used = {"authorization": leaked}
    told: list[tuple[str, int]] = []
    stop = threading.Event()

    def work() -> None:
        with httpx.Client(base_url=key.http.base_url, timeout=30, trust_env=False) as http:
            while not stop.is_set():
                headers = dict(used)
                told.append(
                    (headers["authorization"], http.post(PASSAGES, json=query, headers=headers).status_code)
                )

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()

    def after(calls: int) -> None:
        there = len(told) + calls
        while len(told) < there:
            assert any(worker.is_alive() for worker in workers)
            stop.wait(0.02)

    path = f"/enterprise/v1/organizations/{organization}/keys"
    [listed] = person.get(path)["data"]
    after(8)
    rotated: Any = person.call("POST", f"{path}/{listed['id']}/rotate", json={"overlap_seconds": 600})
    after(8)
    used["authorization"] = f"Bearer {rotated['secret']}"
    after(12)  # by now nobody sends the old one any more
    # Cut off before its overlap is over: another rotation with none, and the newest secret at once.
    stop.set()
    for worker in workers:
        worker.join(30)
    last: Any = person.call("POST", f"{path}/{listed['id']}/rotate")
    assert {status for _, status in told} == {200}
    assert {header for header, _ in told} == {leaked, used["authorization"]}
    assert key.http.post(PASSAGES, json=query, headers={"authorization": leaked}).status_code == 401
    newest = {"authorization": f"Bearer {last['secret']}"}
    assert key.http.post(PASSAGES, json=query, headers=newest).status_code == 200
    [shown] = person.get(path)["data"]
    assert shown["last_used_at"] is not None and "secret" not in shown
