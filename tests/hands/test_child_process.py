"""A step's process when its run is terminated from the UI, which Dagster hands on as an interruption."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.hands.test_process_trees import ROOT, alive

RUN = """
import sys
import dagster as dg
from assets.child_process import ChildProcess
CHILD = '''
import os, pathlib, signal, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
other = subprocess.Popen(["sleep", "600"])
def save(*_):
    (folder / "saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
(folder / "pids.part").write_text(f"{os.getpid()} {other.pid}")
(folder / "pids.part").rename(folder / "pids")
time.sleep(600)
'''
@dg.asset
def trains(context: dg.AssetExecutionContext) -> None:
    ChildProcess().run(context=context, command=[sys.executable, "-c", CHILD, sys.argv[1]])
if __name__ == "__main__":
    print("success", dg.materialize([trains], raise_on_error=False).success)
"""


def test_a_terminated_run_lets_its_process_save_and_leaves_none(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(RUN)
    run = subprocess.Popen(
        [sys.executable, script, str(tmp_path)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "pids").exists():
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    said, _ = run.communicate(timeout=30)
    assert "success False" in said
    assert (tmp_path / "saved").exists()
    assert not any(alive(int(pid)) for pid in (tmp_path / "pids").read_text().split())
