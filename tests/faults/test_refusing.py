"""What cannot be is refused in one line that says why, with exit code 2, and nothing is begun."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.faults.running import environment, run, zhihao

UNREACHABLE = "postgresql://somebody:hunter2@127.0.0.1:1/nowhere"


def _refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "worker", "demo"])
def test_production_names_every_reason(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "data"
    _refused(
        zhihao(folder, command, ZHIHAO_ENV="production"),
        "ZHIHAO_DATABASE_URL", "ZHIHAO_SECRET_KEY", "ZHIHAO_STRIPE_API_KEY", "ZHIHAO_STRIPE_WEBHOOK_SECRETS",
    )  # fmt: skip
    assert not folder.exists()


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _refused(zhihao(tmp_path, "serve", "--port", str(port)), f"Port {port}", "--port")
    assert not list(tmp_path.iterdir())


def test_a_wrong_setting_is_named_without_its_value(tmp_path: Path) -> None:
    _refused(
        zhihao(tmp_path, "serve", ZHIHAO_POSTGRES_VERSION="hunter2", ZHIHAO_TAKE_RATE_BPS="10001"),
        "ZHIHAO_POSTGRES_VERSION", "ZHIHAO_TAKE_RATE_BPS",
    )  # fmt: skip


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _refused(zhihao(tmp_path / "file", "migrate"), "cannot be the data folder")


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_a_database_that_does_not_answer_is_refused(tmp_path: Path, command: str) -> None:
    _refused(zhihao(tmp_path, command, ZHIHAO_DATABASE_URL=UNREACHABLE), "does not answer")


def test_a_database_without_tables_is_refused_until_it_is_migrated(tmp_path: Path, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE without_tables")
    url = postgres.replace("/zhihao?", "/without_tables?")
    _refused(zhihao(tmp_path, "doctor", ZHIHAO_DATABASE_URL=url), "zhihao migrate")


def test_version_16_is_run_when_asked_for(tmp_path: Path) -> None:
    migrated = zhihao(tmp_path, "migrate", ZHIHAO_POSTGRES_VERSION="16")
    assert migrated.returncode == 0, migrated.stderr
    assert (tmp_path / "postgres-16" / "PG_VERSION").read_text().strip() == "16"


def test_processes_that_start_together_agree_on_their_secrets(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from service.platform import embedded; import sys;"
        "print(embedded._remembered(Path(sys.argv[1]))['secret_key'])"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    seen = {process.communicate(timeout=30)[0] for process in started}
    assert len(seen) == 1
    assert json.loads((tmp_path / "embedded.json").read_text())["secret_key"] in seen.pop()


def test_a_database_of_ones_own_is_used_and_none_is_started(tmp_path: Path, database_url: str) -> None:
    folder = tmp_path / "data"
    with run(folder, ZHIHAO_DATABASE_URL=database_url) as running:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not list(folder.glob("postgres*"))
        running.stop(signal.SIGINT)
        assert running.process.returncode == 0
    for line in running.log.splitlines():
        if not line.startswith("Zhihao serves"):
            assert json.loads(line)["event"], line


def test_a_relative_folder_is_the_same_for_all_processes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "migrate"],
        env=environment(Path("here")) | {"PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "postgres-18").is_dir()
