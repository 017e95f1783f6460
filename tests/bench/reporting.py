"""How a bench tells what it measured: a table for people, JSON for programs, both with the machine."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path("build/bench")


def about(packages: Sequence[str]) -> dict[str, Any]:
    """The machine, and the versions of what was measured."""
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "versions": {name: version(name) for name in packages},
    }


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of what was measured in the same round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def tell(name: str, title: str, rows: Sequence[dict[str, Any]], result: dict[str, Any]) -> None:
    """Prints ``rows`` as a table and writes ``result`` to ``build/bench/<name>.json``."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False))
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
