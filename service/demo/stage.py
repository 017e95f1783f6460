"""Where the story is told: a service of its own in a process of its own, which then goes on serving."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from service.demo.story import tell
from service.platform.embedded import own_folder
from service.platform.processes import free_port, is_ready, require_port, spawn
from service.platform.settings import Settings
from service.supervisor import READY_SECONDS, STOP_SECONDS, NotReady

HOST = "127.0.0.1"
USUAL_PORT = 8000

EMBEDDED = dict.fromkeys(
    (
        "ZHIHAO_DATABASE_URL",
        "ZHIHAO_STRIPE_API_KEY",
        "ZHIHAO_STRIPE_API_BASE",
        "ZHIHAO_STRIPE_WEBHOOK_SECRETS",
    ),
    "",
)
"""Made-up people and payments go into no database and no Stripe account that somebody has set up."""


def perform(
    settings: Settings, console: Console, *, once: bool, library: Path | None, port: int | None, again: bool
) -> bool:
    """Serves on loopback, tells the story, and unless ``once`` serves on until Ctrl-C or SIGTERM.

    Returns whether every step held. Raises ``PortInUse``, ``DataFolderUnusable`` and ``NotReady``.
    """
    if port is not None:
        require_port(HOST, port)
    else:
        port = free_port(preferred=USUAL_PORT)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = own_folder(settings.data_dir)
    log = folder / "serve.log"
    url = f"http://{HOST}:{port}"
    with log.open("ab") as output:
        serving = spawn(
            [sys.executable, "-m", "service.cli", "serve", "--host", HOST, "--port", str(port)],
            env={"ZHIHAO_DATA_DIR": str(folder), "ZHIHAO_PUBLIC_URL": url, **EMBEDDED},
            output=output,
        )
    try:
        with console.status("Starting PostgreSQL, the service, its worker and the payment sandbox"):
            _wait_until_ready(serving, url, log)
        held = asyncio.run(
            tell(url, library=library, data_dir=settings.data_dir, console=console, again=again)
        )
        if once:
            return held
        console.print(f"Serving {url} until Ctrl-C. The service's log: {log}")
        serving.wait()
        raise NotReady(f"The service ended by itself; {log} says why.")
    except KeyboardInterrupt:
        return not once
    finally:
        serving.terminate()
        try:
            serving.wait(STOP_SECONDS + 5)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            serving.kill()


def _wait_until_ready(serving: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if serving.poll() is not None:
            raise NotReady(f"The service did not start; {log} says why.")
        if is_ready(url):
            return
        time.sleep(0.1)
    raise NotReady(f"The service is not ready after {READY_SECONDS:.0f} s; {log} may say why.")
