"""Who answers in OpenAI's words: our service, LiteLLM's proxy, and the one model's server behind both."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.bench.gate import DOCUMENTS, text_of
from tests.bench.postgres import cpu_below, postmaster
from tests.clients import bringing
from tests.journeys.people import Caller, Person, first_metered
from tests.journeys.serving import free_port, fresh_folder, serving

LOCK = Path(__file__).with_name("litellm.lock")
STARTED_SECONDS = 120
MASTER_KEY = "sk-bench"


@dataclass(frozen=True)
class Peer:
    """One that answers, with a body for each call; ``roots`` are its processes, all below them counted."""

    name: str
    url: str
    key: str
    body: dict[str, Any]
    roots: tuple[int, ...]
    headers: dict[str, str] = field(default_factory=dict)

    def cpu(self) -> float:
        """Seconds that its processes have used."""
        return sum(map(cpu_below, self.roots))


@contextmanager
def stub_model() -> Iterator[str]:
    """The base address of a model's server in a process of its own, which nobody's figures count."""
    port = free_port()
    with _running([sys.executable, "-m", "tests.bench.model_server", str(port)], None):
        url = f"http://127.0.0.1:{port}/v1"
        _await(lambda: httpx.post(f"{url}/chat/completions", json={}, timeout=2, trust_env=False))
        yield url


@contextmanager
def zhihao(model_url: str) -> Iterator[tuple[Peer, Peer]]:
    """A real ``zhihao serve`` with the model behind it, and a key under contract: who answers, and the same
    service's passages alone."""
    model = {"OPENAI_MODEL": "stub", "OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "none"}
    settings = {f"ZHIHAO_{name}": value for name, value in model.items()}
    with fresh_folder() as folder, serving(folder, **settings) as served:
        creator = Person(served.url)
        creator.open_profile()
        base = creator.make_base("The house")
        for number in range(DOCUMENTS):
            creator.upload(base["id"], f"rule-{number}.md", text_of(0, number))
        creator.publish(base["id"])
        company = Person(served.url)
        organization = company.found_organization()
        named = {"name": "bench", "scopes": ["passages:read", "answers:write"]}
        secret = company.post(f"/enterprise/v1/organizations/{organization}/keys", named)["secret"]
        passages = {"knowledge_base_ids": [base["id"]]}
        first_metered(Caller(served.url, secret), "/api/v1/passages", passages | {"query": "overtime"})
        roots = (served.process.pid, postmaster(str(folder)))
        answers = {"model": f"kb/{base['slug']}"}
        yield (
            Peer("Zhihao", f"{served.url}/openai/v1/chat/completions", secret, answers, roots),
            Peer("Zhihao, passages alone", f"{served.url}/api/v1/passages", secret, passages, roots),
        )


@contextmanager
def litellm(model_url: str) -> Iterator[Peer]:
    """LiteLLM's proxy without a database, in an environment of its own. Raises ``bringing.Unavailable``."""
    interpreter = bringing.environment("bench-litellm", LOCK)
    with tempfile.TemporaryDirectory(prefix="litellm-") as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(
            "model_list:\n- model_name: stub\n  litellm_params:\n"
            f"    {{model: openai/stub, api_base: '{model_url}', api_key: none}}\n"
            f"general_settings: {{master_key: {MASTER_KEY}}}\n"
        )
        port = free_port()
        program = str(Path(interpreter).parent / "litellm")
        where = ["--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        # Nothing of this process's environment, and nothing asked of the network.
        alone = {"PATH": os.defpath, "HOME": folder, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        alone |= {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR"}
        with _running([program, "--config", str(config), *where], alone) as process:
            url = f"http://127.0.0.1:{port}"
            _await(lambda: httpx.get(f"{url}/health/liveliness", timeout=2, trust_env=False))
            yield Peer("LiteLLM", f"{url}/v1/chat/completions", MASTER_KEY, {"model": "stub"}, (process.pid,))


@contextmanager
def _running(
    command: Sequence[str], environment: dict[str, str] | None
) -> Iterator["subprocess.Popen[bytes]"]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as process:
        try:
            yield process
        finally:
            process.terminate()


def _await(ask: Callable[[], httpx.Response]) -> None:
    deadline = time.monotonic() + STARTED_SECONDS
    while True:
        try:
            ask().raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
