"""No process outlives the one that started it, and a signal reaches who is to hear it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Three generations, each started as training is: the last one says that it is there, and stays.
TREE = """
import os, subprocess, sys
from resources.dies_with_parent import parent_env
start = [sys.executable, "-m", "resources.dies_with_parent", "testing.family", *sys.argv[1:]]
subprocess.Popen(start, env={**os.environ, **parent_env()}, start_new_session=True).wait()
"""
HEARS = """
import os, signal, sys, threading, time
from resources.stopping import STOP, Stopped
def say(*words):  # in one write: the handler of a signal may run within a print
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
try:
    with STOP.listening():
        if sys.argv[1] == "orderly":
            heard = threading.Event()
            with STOP.orderly(), STOP.telling(lambda name: (say("told", name), heard.set())):
                say("ready")
                heard.wait()
                time.sleep(float(sys.argv[2]))
            STOP.check()
        say("ready")
        time.sleep(60)
except Stopped as stopped:
    say("stopped by", stopped)
    sys.exit(STOP.exit_code)
"""


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_children_and_their_children_end_within_seconds_of_a_kill(tmp_path: Path) -> None:
    root = subprocess.Popen([sys.executable, "-c", TREE, str(tmp_path), "3"], cwd=ROOT)
    deadline = time.monotonic() + 30
    while len(pids := [int(path.name) for path in tmp_path.iterdir()]) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert all(map(alive, pids))
    root.kill()
    root.wait()
    killed = time.monotonic()
    while any(map(alive, pids)):
        assert time.monotonic() - killed < 3, [pid for pid in pids if alive(pid)]
        time.sleep(0.02)


def test_a_child_whose_parent_is_gone_already_does_not_begin(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "resources.dies_with_parent", "testing.family", str(tmp_path), "1"],
        cwd=ROOT,
        env={**os.environ, "PARENT_PID": str(2**22)},
        check=False,
    )
    assert ended.returncode == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["orderly", "anywhere"])
def test_the_first_signal_asks_and_the_exit_code_says_which_it_was(number: signal.Signals, kind: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", HEARS, kind, "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    assert said == (f"told {number.name}\n" if kind == "orderly" else "") + f"stopped by {number.name}\n"
    assert process.returncode == 128 + number


def test_a_second_signal_ends_the_process_at_once() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HEARS, "orderly", "600"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "told SIGTERM\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=5) == 128 + signal.SIGTERM
