"""Killed, stopped, out of disk, or with a server that dies: the same command goes on, and nothing is paid twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.ledger import Ledger
from testing.engine.client import server
from testing.engine.work import Speed, total_calls

ROOT = Path(__file__).resolve().parents[2]
SAMPLES, SLOTS = 40, 8
FAST = Speed(ttft=0.02, rate=8000)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def start(url: str, home: Path, **more: str) -> subprocess.Popen[str]:
    env = {
        **os.environ,
        "LWV_TEACHER_BASE_URL": url,
        "LWV_TEACHER_MODEL": "bench",
        "LWV_TEACHER_CONCURRENCY": str(SLOTS),
        "PYTHONPATH": str(ROOT),
        **more,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "testing.engine.writing", "--samples", str(SAMPLES), "--home", str(home)],
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def served(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def wait_for(log: Path, calls: int) -> None:
    deadline = time.monotonic() + 60
    while len(served(log)) < calls:
        assert time.monotonic() < deadline, "the run does not get on"
        time.sleep(0.01)


def finish(url: str, home: Path) -> dict[str, Any]:
    process = start(url, home)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return dict(json.loads(out.splitlines()[-1]))


def paid_twice(log: Path) -> int:
    """Answered calls less distinct ones; every call of the job is there."""
    calls = Counter((line["sample"], line["step"]) for line in served(log) if line["status"] == 200)
    assert len(calls) == total_calls(SAMPLES)
    return calls.total() - len(calls)


@pytest.mark.parametrize("share", [0.3, 0.4, 0.5])
def test_a_killed_run_goes_on_and_pays_again_at_most_what_was_in_flight(tmp_path: Path, log: Path, share) -> None:
    with server(SLOTS, FAST, log) as url:
        process = start(url, tmp_path / "home")
        wait_for(log, int(share * total_calls(SAMPLES)))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        found = finish(url, tmp_path / "home")
    assert found["documents_done"] == SAMPLES
    assert found["calls_made"] + found["calls_replayed"] == total_calls(SAMPLES)
    assert found["calls_replayed"] > 0
    assert paid_twice(log) <= SLOTS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_waits_for_what_is_in_flight_and_pays_nothing_twice(tmp_path: Path, log: Path, number) -> None:
    with server(SLOTS, FAST, log) as url:
        process = start(url, tmp_path / "home")
        wait_for(log, total_calls(SAMPLES) // 3)
        os.kill(process.pid, number)
        process.communicate(timeout=30)
        assert process.returncode != 0
        found = finish(url, tmp_path / "home")
    assert found["documents_done"] == SAMPLES
    assert paid_twice(log) == 0


def test_a_spent_budget_ends_cleanly_says_what_is_left_and_the_next_run_goes_on(tmp_path: Path, log: Path) -> None:
    with server(SLOTS, FAST, log) as url:
        process = start(url, tmp_path / "home", BENCH_BUDGET_TOKENS="200000")
        _, err = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "the budget of 200,000 tokens (LWV_BUDGET_TOKENS) is spent" in err
        assert "are left; run it again to go on, nothing is paid twice." in err
        usd, spent = Ledger.at(tmp_path / "home").spent("bench")
        assert usd == 0
        most = max(line["bytes"] // 4 + 400 for line in served(log))
        assert 200_000 <= spent <= 200_000 + SLOTS * most  # no more than what was in flight
        assert finish(url, tmp_path / "home")["documents_done"] == SAMPLES
    assert paid_twice(log) == 0


def test_a_server_that_dies_and_comes_back_costs_time_and_nothing_else(tmp_path: Path, log: Path) -> None:
    with server(SLOTS, FAST, log) as url:
        process = start(url, tmp_path / "home")
        wait_for(log, total_calls(SAMPLES) // 3)
    time.sleep(2)
    port = int(url.split(":")[2].split("/")[0])
    with server(SLOTS, FAST, log, port=port):
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    found = json.loads(out.splitlines()[-1])
    assert found["documents_done"] == SAMPLES
    assert found["retried_unreachable"] > 0
    assert paid_twice(log) <= SLOTS


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB, to be grown by `grow`."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_nothing_is_lost_once_there_is_room(small_disk: Path, log: Path) -> None:
    with server(SLOTS, FAST, log) as url:
        process = start(url, small_disk)
        _, err = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "cannot be used (database or disk is full)" in err.splitlines()[-1]
        assert "free some space" in err.splitlines()[-1]
        before = len(served(log))
        subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
        found = finish(url, small_disk)
    assert found["documents_done"] == SAMPLES
    assert before > 0
    assert found["calls_replayed"] > 0
    assert paid_twice(log) <= SLOTS
