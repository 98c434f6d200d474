"""On a real terminal the demo's live line shows what a step says, and Ctrl+C is answered there."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEP = """
import fcntl, sys, termios, time
from pathlib import Path
import dagster as dg
from lwv_dagster.job_run import run_here
from lwv_dagster.terminal import live_progress, terminal_logger
from resources.stopping import STOP

fcntl.ioctl(0, termios.TIOCSCTTY, 0)

@dg.op
def slow(context):
    for page in range(1, 400):
        context.log.info(f"read page {page} of 400")
        time.sleep(0.1)
        if STOP.requested:
            time.sleep(1)
            return

@dg.job(logger_defs={"terminal": terminal_logger}, executor_def=dg.in_process_executor)
def work():
    slow()

home = Path(sys.argv[1])
(home / "dagster").mkdir()
with dg.DagsterInstance.local_temp(str(home / "dagster")) as instance, STOP.listening():
    with live_progress("work"):
        run_here(instance, work, home, {"loggers": {"terminal": {}}}, {}, None)
print("the end")
"""


def read_until(terminal: int, words: str, seconds: float) -> str:
    """What the terminal shows up to these words, or to the end."""
    shown, end = "", time.monotonic() + seconds
    while words not in shown and time.monotonic() < end:
        try:
            shown += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # whoever wrote has ended
            break
    return shown


@pytest.mark.slow
def test_a_steps_progress_and_the_answer_to_ctrl_c_are_on_the_terminal(tmp_path: Path) -> None:
    terminal, other = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", STEP, str(tmp_path)],
        stdin=other,
        stdout=other,
        stderr=other,
        start_new_session=True,
        env=environment,
        cwd=ROOT,
    )
    os.close(other)
    assert "read page 3 of 400" in read_until(terminal, "read page 3 of 400", 120)
    os.write(terminal, b"\x03")
    shown = read_until(terminal, "the end", 120)
    assert "SIGINT: what is in flight ends first" in shown
    assert "the end" in shown
    assert "Traceback" not in shown + read_until(terminal, "Traceback", 5)
    assert process.wait(60) == 0
    os.close(terminal)
