"""Stops the embedded PostgreSQL when its last user is gone.

Run detached as ``python -m service.platform.postgres_keeper DATA_DIR USER STOP_COMMAND…``. It imports nothing
heavy: it waits, perhaps for weeks.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path


def keep(data_dir: Path, user: int, stop: list[str]) -> None:
    """Blocks until nobody uses the folder, then runs ``stop`` as ``user`` while new users wait."""
    with (data_dir / "postgres.keeper").open("ab") as keeper:
        try:
            fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # there is one already
        keeper.truncate(0)
        keeper.write(str(os.getpid()).encode())
        keeper.flush()
        with (data_dir / "postgres.users").open("ab") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            subprocess.run(  # noqa: S603 - the command is postgres.py's
                stop,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                user=user if user != os.geteuid() else None,
            )


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    keep(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
