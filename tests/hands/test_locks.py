"""Locks that die with their holder, and what is known by them: who is at work, and which runs are dead."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from assets.step_run import hold_run, release_run, run_lock
from lwv_dagster.definitions import defs
from lwv_dagster.instance import end_dead_runs, open_instance
from resources.lines import appending, read_lines
from resources.locks import HeldError, Lock, LockingError, holding, holding_when_free
from tests.conftest import Factory, draw_page

ROOT = Path(__file__).resolve().parents[2]
HOLDS = """
import sys, time
from pathlib import Path
from resources.locks import Lock
locks = [Lock(Path(sys.argv[1]), name) for name in sys.argv[2:]]
assert all(lock.take("`a test`", shared=lock.path.name.startswith("run-")) for lock in locks)
print("held", flush=True)
time.sleep(600)
"""
APPENDS = """
import sys, time
from pathlib import Path
from resources.lines import appending
with appending(Path(sys.argv[1])) as add:
    add({"by": "the first"})
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def running(script: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The script in a process of its own, once it holds what it takes; it is killed at the end at the latest."""
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_a_lock_says_who_holds_it_and_is_free_once_that_process_was_killed(tmp_path: Path) -> None:
    lock = Lock(tmp_path, "home")
    with running(HOLDS, str(tmp_path), "home") as other:
        says = rf"^`a test` \(pid {other.pid} on \S+, since \d{{4}}-\S+ \S+\)$"
        with pytest.raises(HeldError, match=says), holding(lock, "me"):
            pytest.fail("two hold one lock")
    with holding(lock, "me"):
        assert json.loads(lock.path.read_text())["pid"] == os.getpid()
        assert not Lock(tmp_path, "home").take("me again")
    assert Lock(tmp_path, "home").take("me once more")


def test_who_wants_the_same_shard_waits_and_says_for_whom(tmp_path: Path) -> None:
    said: list[str] = []
    with running(HOLDS, str(tmp_path), "shard-talks-001") as other:
        threading.Timer(0.5, other.kill).start()
        with holding_when_free(Lock(tmp_path, "shard-talks-002"), "me", said.append):
            assert said == []  # another shard is free
        with holding_when_free(Lock(tmp_path, "shard-talks-001"), "me", said.append):
            assert other.wait() == -signal.SIGKILL
    assert len(said) == 1
    assert said[0].startswith("`a test` (pid ")


def test_a_step_waits_for_who_writes_its_shard_and_for_nobody_else(factory: Factory) -> None:
    for collection in ("north", "south"):
        draw_page(factory.sources / collection / "sign.png", f"The {collection} gate")
    north, south = factory.scan()
    with running(HOLDS, str(factory.home), f"shard-{north}") as other:
        assert factory.run("shard_job", south, ["source_images"]).success
        assert other.poll() is None
        threading.Timer(0.5, other.kill).start()
        assert factory.run("shard_job", north, ["source_images"]).success
        assert other.wait() == -signal.SIGKILL


def test_where_no_lock_can_be_made_a_sentence_says_which_folder_has_to_be_writable(tmp_path: Path) -> None:
    (tmp_path / "locks").write_text("a file, where a folder should be")
    with pytest.raises(LockingError, match=r"locks/home\.lock cannot be written \(.+\): LWV_HOME has to name a folder"):
        Lock(tmp_path, "home").take("me")


def test_a_run_is_dead_where_its_lock_is_free_whatever_its_pid_means_by_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    job = defs.resolve_job_def("report_job")
    with open_instance(tmp_path) as instance:

        def started(**tags: str) -> dg.DagsterRun:
            return instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)

        alive, killed, mine, elsewhere = (started() for _ in range(4))
        of_0_2 = started(**{"lwv/pid": str(os.getpid())})  # in a container the next process has the same pid
        storage = instance.event_log_storage
        storage.set_concurrency_slots("gpu", 1)
        assert storage.claim_concurrency_slot("gpu", killed.run_id, "a_step").is_claimed
        hold_run(tmp_path, mine.run_id)
        with running(HOLDS, str(tmp_path), f"run-{killed.run_id}"):
            pass
        with running(HOLDS, str(tmp_path), f"run-{alive.run_id}"):
            assert end_dead_runs(instance, tmp_path) == 2
        status = {run.run_id: run.status for run in instance.get_runs()}
        assert {status[run.run_id] for run in (killed, of_0_2)} == {dg.DagsterRunStatus.FAILURE}
        assert {status[run.run_id] for run in (alive, mine, elsewhere)} == {dg.DagsterRunStatus.STARTED}
        assert storage.claim_concurrency_slot("gpu", alive.run_id, "a_step").is_claimed
        assert not run_lock(tmp_path, killed.run_id).path.exists()  # nobody asks for it again
        release_run()
    monkeypatch.delenv("DAGSTER_HOME")


def test_two_writers_never_append_to_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with running(APPENDS, str(path)) as other:
        threading.Timer(0.5, other.kill).start()
        with appending(path) as add:
            assert other.wait() == -signal.SIGKILL
            assert read_lines(path) == [{"by": "the first"}]  # what it added is seen by who comes after it
            add({"by": "the second"})
    assert [line["by"] for line in read_lines(path)] == ["the first", "the second"]
