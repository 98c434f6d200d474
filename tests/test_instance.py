"""The Dagster instance of a new LWV_HOME, opened by several processes at the same moment."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = 6
OPENS = """
import sys, time
from pathlib import Path
from lwv_dagster.instance import open_instance
home = Path(sys.argv[1])
(home / sys.argv[2]).touch()
while not (home / "go").exists():
    time.sleep(0.001)
with open_instance(home) as instance:
    instance.get_runs(limit=1), instance.all_instigator_state(), instance.get_asset_keys()
"""


@pytest.mark.timeout(600)
def test_processes_that_open_a_new_instance_at_once_leave_one_schema_version_in_each_database(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    opening = [
        subprocess.Popen(
            [sys.executable, "-c", OPENS, str(tmp_path), f"ready-{number}"], cwd=ROOT, env=env, stderr=subprocess.PIPE
        )
        for number in range(PROCESSES)
    ]
    while len(list(tmp_path.glob("ready-*"))) < PROCESSES:
        assert all(process.poll() is None for process in opening)
        time.sleep(0.05)
    (tmp_path / "go").touch()
    said = [process.communicate()[1].decode() for process in opening]
    assert [process.returncode for process in opening] == [0] * PROCESSES, said
    databases = sorted((tmp_path / "dagster").rglob("*.db"))
    assert {"index.db", "runs.db", "schedules.db"} <= {path.name for path in databases}
    for path in databases:
        with sqlite3.connect(path) as connection:
            assert len(connection.execute("SELECT version_num FROM alembic_version").fetchall()) == 1, path
