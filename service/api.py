"""The API's process: the application is loaded once, and the workers are forked from it.

So a worker is there in a second instead of several, also one that takes a fallen one's place, and what was
loaded is in memory once.
"""

import argparse
import gc

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels

import service.app as application  # loaded here, before there are workers

TARGET = f"{application.__name__}:{application.create_app.__name__}"


def main() -> None:
    """Serves until SIGTERM; ``--stop-seconds`` is how long a worker may drain before it is killed."""
    asked = argparse.ArgumentParser("service.api")
    asked.add_argument("--host", required=True)
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("--workers", type=int, required=True)
    asked.add_argument("--stop-seconds", type=int, required=True)
    options = asked.parse_args()
    gc.freeze()  # a look for garbage would copy every page that it passes
    Granian(
        TARGET,
        factory=True,
        interface=Interfaces.ASGI,
        address=options.host,
        port=options.port,
        workers=options.workers,
        loop=Loops.uvloop,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=options.stop_seconds,
    ).serve()


if __name__ == "__main__":
    main()
