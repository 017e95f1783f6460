"""The API's process: workers are forked from it, with the application that is loaded here, once.

So a worker is there in a second instead of several, also one that takes a fallen one's place, and what was
loaded is in memory once.
"""

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

import service.app as application  # loaded here, before there are workers

TARGET = f"{application.__name__}:{application.create_app.__name__}"


def serve_http(*, host: str, port: int, workers: int, stop_seconds: int) -> None:
    """Serves until SIGTERM; ``stop_seconds`` is how long a worker may drain before it is killed."""
    Granian(
        TARGET,
        factory=True,
        interface=Interfaces.ASGI,
        address=host,
        port=port,
        workers=workers,
        loop=Loops.uvloop,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=stop_seconds,
    ).serve()
