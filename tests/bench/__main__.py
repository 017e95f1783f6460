"""All benches one after the other, or those that are named: ``python -m tests.bench [--quick] [NAME ...]``.

Each is a module beside this one and runs in a process of its own, so that none measures what another left
behind; it prints its table and writes ``build/bench/<name>.json``. A bench whose module is not there is left
out. Exits non-zero when one breaks; a goal that is missed is told, and is no error.
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec

BENCHES = {
    "gate": "B1: a metered answer against the same route with no gate and no meter",
    "settling": "B2: 256 waiting meter calls against one-row commits of pgbench",
    "openai_compatible": "B3: OpenAI's endpoint, metered, against LiteLLM's proxy with no database",
    "retrieval": "R1, R2, R3: finding, extracts and refusals against jieba + bm25s, PostgreSQL, raw tantivy",
    "scoped_search": "B4: passages within 1 or 50 of 200 knowledge bases against raw tantivy on all",
    "entitlements": "B5: entitlement decisions against pycasbin, cedarpy, a primary key",
    "webhooks": "B6: webhooks doubled, shuffled and forged against the same once and in order",
    "importing": "B7: the laws from an archive to searchable against the parse and the terms alone",
    "main_flow": "start, import to searchable, answers, memory",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Runs the benches.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true", help="few rounds of little: that it works")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHES)
    if unknown:
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    broken = []
    for name in options.names or BENCHES:
        module = f"tests.bench.{name}"
        if find_spec(module) is None:
            continue
        print(f"\n{name}: {BENCHES[name]}", flush=True)
        command = [sys.executable, "-m", module, *(["--quick"] if options.quick else [])]
        if subprocess.run(command, check=False).returncode:
            broken.append(name)
    if broken:
        sys.exit(f"broken: {', '.join(broken)}")


if __name__ == "__main__":
    main()
