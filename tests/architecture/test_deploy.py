"""The files that deploy the service hold together. Containers themselves are not run here."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # the package ships no types

from service.cli import main

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
OURS = ("migrate", "service", "worker")


def _dockerfile() -> list[tuple[str, str]]:
    """The instructions and their arguments, continued lines joined."""
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines()]


def test_the_image_is_built_in_stages_from_hash_checked_wheels_and_runs_as_nobody() -> None:
    instructions = _dockerfile()
    stages = [argument for name, argument in instructions if name == "FROM"]
    assert stages == ["python:3.11-slim AS build", "python:3.11-slim"]
    runs = " ".join(argument for name, argument in instructions if name == "RUN")
    assert "--require-hashes --requirement requirements.lock" in runs
    assert "--no-index --find-links /wheels '.[documents]'" in runs
    names = [name for name, _ in instructions]
    assert ("USER", "10001") in instructions
    assert names.index("USER") < names.index("ENTRYPOINT")


def test_what_the_image_copies_exists_and_is_let_through_by_the_ignore_file() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for name, argument in _dockerfile()
        if name == "COPY" and not argument.startswith("--from")
        for source in shlex.split(argument)[:-1]
    }
    assert copied == allowed
    assert [source for source in sorted(copied) if not (ROOT / source).exists()] == []


def test_compose_runs_the_database_the_service_and_the_worker_after_the_migration() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"database", *OURS}
    assert services["migrate"]["depends_on"]["database"] == {"condition": "service_healthy"}
    for name in ("service", "worker"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for name in OURS:
        assert services[name]["command"][0] in {*main.commands}
        assert services[name]["env_file"] == ".env"
        assert services[name]["volumes"] == ["state:/var/lib/zhihao"]


def test_compose_lets_the_outside_reach_the_service_alone_and_on_loopback() -> None:
    published = {name: one["ports"] for name, one in COMPOSE["services"].items() if "ports" in one}
    assert published == {"service": ["127.0.0.1:8000:8000"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for one in COMPOSE["services"].values():
        assert one["cap_drop"] == ["ALL"]


def test_compose_takes_no_secret_but_from_the_environment_file() -> None:
    example = (ROOT / "deploy" / ".env.example").read_text()
    text = (ROOT / "deploy" / "compose.yaml").read_text()
    for name in re.findall(r"\$\{([A-Z_]+)", text):
        assert re.search(rf"^{name}=$", example, re.MULTILINE), f"{name} is asked for in .env.example"
