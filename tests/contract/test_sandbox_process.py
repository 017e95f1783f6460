"""The sandbox as a program: it stops when told, ends with its parent, and finds its state again."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.contract.sandbox_process import free_port, sandbox_running
from tests.own_time import own_time

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "billing.sandbox", *sys.argv[1:]])
print(child.pid, flush=True)
time.sleep(60)
"""


def _gone(pid: int, seconds: float = 5) -> bool:
    deadline = own_time() + seconds
    while own_time() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def _answers(url: str, seconds: float = 20) -> bool:
    deadline = own_time() + seconds
    while own_time() < deadline:
        try:
            return httpx.get(f"{url}/_sandbox/health").status_code == 200
        except httpx.TransportError:
            time.sleep(0.05)
    return False


def test_it_ends_when_its_parent_is_killed(database_url: str) -> None:
    port = free_port()
    command = [sys.executable, "-c", PARENT, "--database-url", database_url, "--port", str(port)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        assert _answers(f"http://127.0.0.1:{port}")
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait(5)
        parent.stdout.close()
    assert _gone(child)


def test_it_stops_at_once_though_an_endpoint_hangs(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        hook = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
        program = [sys.executable, "-m", "billing.sandbox", "--database-url", database_url]
        process = subprocess.Popen([*program, "--port", str(port), "--webhook-url", hook])
        try:
            assert _answers(url)
            headers = {"Authorization": "Bearer sk_test_x"}
            assert httpx.post(f"{url}/v1/customers", headers=headers).status_code == 200
            time.sleep(0.2)
        finally:
            start = own_time()
            process.send_signal(signal.SIGTERM)
            status = process.wait(10)
        assert (status, own_time() - start < 4) == (0, True)


async def test_a_second_start_finds_everything_again(database_url: str) -> None:
    with sandbox_running(database_url) as first:
        async with first.client() as client:
            customer = await client.v1.customers.create_async({"name": "a"})
        first.control("advance", {"seconds": 86_400})
    with sandbox_running(database_url) as second:
        async with second.client() as client:
            assert (await client.v1.customers.retrieve_async(customer.id)).name == "a"
        now = second.control("health", method="GET")["now"]
        assert now > time.time() + 80_000
