"""`lwv demo` as a process that a test stops: in which phase it is, what it leaves behind, what it made."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq

from assets.steps import STEP_OF
from resources.cpus import usable_cpus
from resources.ledger_forget import LedgerCleaner, Which
from resources.messages import Role

ROOT = Path(__file__).resolve().parents[1]
MARK = "DEMO_PROCESS_MARK"  # in the environment of all that a demo starts
STEPS = {  # of each phase, the one in which it is slow
    "ocr": "source_images",
    "writing": "long_outputs",
    "corrections": "corrected_segments",
    "sft": "sft_checkpoint",
    "dpo": "dpo_checkpoint",
    "scores": "benchmark_scores",
}
IN_A_CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")  # as its pid 1


def on_a_busy_machine(seconds: float) -> float:
    """So many seconds of a machine that has nothing else to do, as many as they take here and now."""
    return seconds * max(1.0, 2 * max(os.getloadavg()) / usable_cpus())


def forget_phase(home: Path, shard: str, name: str) -> None:
    """Undo a phase and all that it keeps (calls, saved steps, answers), so that the next demo is in it for a while."""
    roles: dict[str, Role] = {"writing": "teacher", "corrections": "critic", "scores": "judge"}
    (home / "tables" / STEPS[name] / f"{shard}.parquet").unlink(missing_ok=True)
    if name in ("sft", "dpo", "scores"):
        shutil.rmtree(home / ("scores" if name == "scores" else f"checkpoints/{name}"), ignore_errors=True)
    if role := roles.get(name):
        cleaner = LedgerCleaner(home)
        cleaner.forget(Which(role=role))
        cleaner.close()


class DemoProcess:
    """A running `lwv demo`; its output goes to a file. wrapper: words before the command."""

    def __init__(self, home: Path, sources: Path, env: Mapping[str, str], wrapper: tuple[str, ...] = ()) -> None:
        self.home = home
        self.mark = uuid4().hex
        self.started = time.time()
        self.output = home.parent / f"{home.name}-{self.mark}.txt"
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LWV_", "DAGSTER_"))}
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "lwv_dagster.cli", "demo"],
                cwd=ROOT,
                env={
                    **own,
                    "LWV_HOME": str(home),
                    "LWV_SOURCES": str(sources),
                    "COLUMNS": "160",
                    MARK: self.mark,
                    **env,
                },
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, name: str, shard: str, seconds: float = 900) -> bool:
        """Whether it began the step of the phase before it ended, as it says in the lock that it holds for it."""
        step, deadline = STEPS[name], time.monotonic() + seconds
        lock = self.home / "locks" / (f"shard-{shard}.lock" if STEP_OF[step].sharded else f"step-{step}.lock")
        while not (lock.exists() and lock.stat().st_mtime > self.started and f'"{step} ' in lock.read_text()):
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < deadline, f"{name} did not begin:\n{self.said()}"
            time.sleep(0.02)
        return True

    def demo_pid(self) -> int:
        """Of `lwv demo` itself, which may stand behind a wrapper."""
        pids = [
            pid for pid, command in self.alive().items() if "lwv_dagster.cli" in command and "unshare" not in command
        ]
        return min(pids)

    def alive(self) -> dict[int, str]:
        """pid -> command of every process that has the mark of this one: all that it started, however deep."""
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it has ended meanwhile
                continue
        return found

    def all_gone(self, seconds: float) -> float:
        """Seconds until no process was left; raises AssertionError where one is after so many."""
        started = time.monotonic()
        while left := self.alive():
            assert time.monotonic() - started < on_a_busy_machine(seconds), f"left behind after {seconds} s: {left}"
            time.sleep(0.05)
        return time.monotonic() - started

    def said(self) -> str:
        """What it printed so far."""
        return self.output.read_text()


def finish(home: Path, sources: Path, env: Mapping[str, str]) -> str:
    """Run a demo to its end; what it printed."""
    demo = DemoProcess(home, sources, env)
    code = demo.process.wait(on_a_busy_machine(300))
    assert code == 0, demo.said()
    demo.all_gone(5)
    return demo.said()


CHANGING = {"seconds", "at"}  # columns that say when something was, or how long it took


def tables_of(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Every table, data set and score of a home, without what names the time or the place."""
    found = {}
    for folder in ("tables", "datasets", "scores"):
        for path in sorted((home / folder).rglob("*.parquet")):
            rows = pq.read_table(path).to_pylist()
            found[path.relative_to(home).as_posix()] = [_placeless(row, home) for row in rows]
    return found


def _placeless(value: Any, home: Path) -> Any:
    match value:
        case str():
            return value.replace(str(home), "HOME")
        case list():
            return [_placeless(each, home) for each in value]
        case dict():
            return {name: _placeless(each, home) for name, each in value.items() if name not in CHANGING}
    return value
