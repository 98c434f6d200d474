"""Two `make` at once in one checkout: one installs, the other waits, and a killed one leaves nothing locked."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKED = ROOT / "scripts" / "locked.py"
STEP = """
import os, sys, time
with open(sys.argv[1], "a") as log:
    for word in ("begins", "ends"):
        print(os.getpid(), word, file=log, flush=True)
        time.sleep(0.1)
"""
# Stands for the interpreter that PYTHON names: it runs scripts, and makes an environment whose pip takes a moment.
PYTHON = """#!/bin/sh
case "$1" in
-m) mkdir -p "$3/bin"
    printf '#!/bin/sh\\necho pip begins >> log; sleep 0.5; echo pip ends >> log\\n' > "$3/bin/python"
    chmod +x "$3/bin/python" ;;
*) exec {real} "$@" ;;
esac
"""


def locked(lock: Path, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, LOCKED, lock, *command], stdout=subprocess.PIPE, text=True)


def waits(process: subprocess.Popen[str]) -> bool:
    """Whether it said that it waits; blocks until it says anything."""
    assert process.stdout is not None
    return process.stdout.readline().startswith("Another process holds ")


def test_commands_under_one_lock_never_overlap(tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [locked(tmp_path / "lock", sys.executable, "-c", STEP, str(log)) for _ in range(5)]
    assert [process.wait() for process in processes] == [0] * 5
    lines = [line.split() for line in log.read_text().splitlines()]
    assert {name for name, _ in lines} == {str(process.pid) for process in processes}
    for (first, begins), (second, ends) in zip(lines[::2], lines[1::2], strict=True):
        assert (first, begins, ends) == (second, "begins", "ends")


def test_a_killed_holder_frees_the_lock_once_all_that_it_started_has_ended(tmp_path: Path) -> None:
    holder = locked(tmp_path / "lock", "sh", "-c", "sleep 600 & echo $!; wait")
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    second = locked(tmp_path / "lock", "echo", "free")
    assert waits(second)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    time.sleep(0.3)
    assert second.poll() is None  # as pip goes on installing where its `make` was killed
    os.kill(child, signal.SIGKILL)
    assert second.wait(timeout=30) == 0
    assert second.stdout is not None and second.stdout.read() == "free\n"


def test_the_status_is_the_commands_own(tmp_path: Path) -> None:
    assert locked(tmp_path / "lock", "sh", "-c", "exit 3").wait() == 3


def test_two_makes_at_once_install_once_and_both_end_with_the_environment(tmp_path: Path) -> None:
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    python = tmp_path / "python"
    python.write_text(PYTHON.format(real=sys.executable))
    python.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    makes = [
        subprocess.Popen(
            ["make", "setup", f"PYTHON={python}"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [make.communicate()[0] for make in makes]
    assert [make.returncode for make in makes] == [0, 0], said
    assert (tmp_path / "log").read_text() == "pip begins\npip ends\n"
    assert (tmp_path / ".venv" / ".installed").exists()
    assert sum("Another process holds .venv.lock" in words for words in said) == 1
