"""kill -9 of the factory, of a real vLLM, of both: no process is left, and the same command goes on."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resources.training.students.tiny import build_tiny
from testing.vllm_processes import group_of, pid_of, wait_until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
CALLS = 6


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    build_tiny(["Write about rivers and harbours, please. " * 9], folder)
    return folder


def command(home: Path, model: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "testing.vllm_processes", str(home), str(model), str(CALLS)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("killed", [("factory",), ("server",), ("factory", "server")], ids="+".join)
def test_no_process_is_left_and_the_same_command_goes_on(killed: tuple[str, ...], tiny: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    factory = command(home, tiny)
    assert factory.stdout is not None
    lines = [factory.stdout.readline() for _ in range(2)]
    first = group_of(home)
    assert len(first) >= 4, f"vLLM has an engine and a worker besides the server: {first}"
    pids = {"factory": factory.pid, "server": pid_of(home, "served_process")}
    for name in killed:
        os.kill(pids[name], signal.SIGKILL)
    assert wait_until(lambda: not first.keys() & group_of(home).keys(), 10), f"left behind: {group_of(home)}"
    if "factory" in killed:
        factory.wait()
        factory = command(home, tiny)
    said, _ = factory.communicate(timeout=600)
    assert factory.returncode == 0
    made, before = map(int, re.findall(r"(\d+) (?:made|answered before)", said.splitlines()[-1]))
    assert made + before == CALLS
    assert before >= (len(lines) if "factory" in killed else 0)
    assert wait_until(lambda: not group_of(home), 10)
