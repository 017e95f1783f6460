"""Every command of the README's tour, run as it stands."""

import re
import subprocess
from pathlib import Path

from tests.journeys.serving import Served

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_the_tour_runs_from_its_first_command_to_its_last(service: Served, tmp_path: Path) -> None:
    tour = README.split("## A tour with curl")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)
    assert len(blocks) >= 8
    script = "set -euo pipefail\n" + "\necho\n".join(blocks)
    assert "http://127.0.0.1:8000" in script
    script = script.replace("http://127.0.0.1:8000", service.url).replace("/tmp", str(tmp_path))
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    told = ran.stdout + ran.stderr
    assert ran.returncode == 0, told[-3000:]
    assert "potash in early spring" in told
    assert '"refused":true' in told
    assert "chatcmpl-" in told
    assert "\n303\n" in told
    assert "event: done" in told
    assert '"earned":1592' in told
    assert '"units":3' in told
    assert 'ratelimit: "minute";r=' in told.lower()
