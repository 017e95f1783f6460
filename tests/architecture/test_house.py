"""The rules of the house that no linter knows."""

import re
import subprocess
import tomllib
from importlib.metadata import distribution, distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("service", "billing", "search", "migrations")
LONGEST = 350


def _sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_the_top_level_holds_the_rooms_and_what_tools_demand() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    top = {path.split("/")[0] for path in tracked}
    rooms = {"pyproject.toml", "README.md", "service", "billing", "search", "migrations", "tests", "deploy"}
    demanded = {"Makefile", "requirements.lock", ".ci", ".gitignore", "LICENSE", ".dockerignore"}
    assert rooms <= top
    assert top - rooms <= demanded


@pytest.mark.parametrize("path", _sources(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_purpose(path: Path) -> None:
    lines = path.read_text().splitlines()
    if path.name == "__init__.py":
        assert not lines, "__init__.py stays empty"
    else:
        assert len(lines) <= LONGEST, "a file this long holds two things"


def test_every_room_says_what_it_owns_and_what_it_does_not() -> None:
    rooms = [
        *(ROOT / room for room in ("service", "billing", "search", "migrations", "tests", "deploy")),
        *(
            ROOT / "service" / room
            for room in (
                "access",
                "accounts",
                "knowledge",
                "answering",
                "platform",
                "http",
                "web",
                "outgoing",
                "mail",
            )
        ),
    ]
    assert [str(room) for room in rooms if not (room / "README.md").is_file()] == []


def test_every_exemption_from_a_check_is_explained() -> None:
    bare = re.compile(r"#\s*(noqa|type:\s*ignore)(\s*:\s*[A-Z0-9, ]+|\[[a-z0-9, -]+\])?\s*$")
    unexplained = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _sources(*PACKAGES, "tests")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert unexplained == []


def test_what_tests_share_is_no_test() -> None:
    from_a_test = re.compile(r"^\s*(from|import) tests\S*\.test_|^\s*from tests\S* import .*\btest_")
    shared = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _sources("tests")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if from_a_test.search(line)
    ]
    assert shared == []


def test_the_lock_carries_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE | re.IGNORECASE)
    assert pinned
    assert "://" not in lock
    assert lock.count("--hash=sha256:") >= len(pinned)


def _runtime_closure() -> set[str]:
    """The names of all distributions that running the product needs."""
    installed = {dist.metadata["Name"].lower().replace("_", "-") for dist in distributions()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    waiting = [(line, "") for line in project["dependencies"] + extras["embedded"] + extras["documents"]]
    seen: set[str] = set()
    while waiting:
        line, extra = waiting.pop()
        need = Requirement(line)
        wanted = need.name.lower().replace("_", "-")
        if need.marker is not None and not need.marker.evaluate({"extra": extra}):
            continue
        if wanted in installed and wanted not in seen:
            seen.add(wanted)
            waiting.extend((each, extra) for each in requires(wanted) or () for extra in need.extras or {""})
    return seen


def test_no_dependency_of_the_product_forbids_commercial_use() -> None:
    copyleft = re.compile(r"\b(AGPL|Affero|(?<!L)GPL|(?<!Lesser )General Public)", re.IGNORECASE)

    def forbids(name: str) -> bool:
        about = distribution(name).metadata
        classifiers = [line for line in about.get_all("Classifier") or [] if "License" in line]
        # Where one of several licences may be chosen, the mildest counts.
        choices = " ".join(about.get_all("License-Expression") or []).split(" OR ")
        written = [" ".join([choice, *classifiers]).replace("LGPL", "") for choice in choices]
        return all(copyleft.search(each) for each in written)

    closure = _runtime_closure()
    assert {"litestar", "stripe", "tantivy", "pdfplumber"} <= closure
    assert [name for name in sorted(closure) if forbids(name)] == []
