"""One job run by a command in its own process: seen on the UI's timeline, and ended in order when a signal comes."""

import signal
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from uuid import uuid4

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.execution.execution_result import ExecutionResult
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import PARTITION_NAME_TAG

from assets.step_run import hold_run, release_run, step_running
from lwv_dagster.terminal import console
from resources.stopping import STOP, Stopped

# As workspace.yaml and Dagster name them: the UI's timeline shows the runs of its locations alone.
REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("lwv_dagster.definitions"), "__repository__")
IDLE_S = 30.0  # so long a stopped run may be between two steps: checks, or a wait for a place in a pool


def run_here(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    home: Path,
    run_config: Mapping[str, object],
    tags: Mapping[str, str],
    shard: str | None,
) -> ExecutionResult:
    """Run a job to its end, or to the end of its step where this process is asked to stop.

    Dagster works in a thread of its own: outside the main thread it leaves the handlers of signals alone, and in the
    main thread a second signal is heard whatever the work is at.
    """
    run_id = str(uuid4())
    results: list[ExecutionResult] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            hold_run(home, run_id)
            run = instance.create_run_for_job(
                job,
                run_id=run_id,
                run_config=run_config,
                tags={**tags, **({PARTITION_NAME_TAG: shard} if shard else {})},
                remote_job_origin=REPOSITORY.get_job_origin(job.name),
            )
            results.append(execute_run(InMemoryJob(job), run, instance))
        except BaseException as error:
            errors.append(error)
        finally:
            release_run()
            done.set()

    with STOP.orderly():
        _thread().put(work)
        _wait(done)
    if errors:
        raise errors[0]
    return results[0]


@cache
def _thread() -> SimpleQueue[Callable[[], None]]:
    """What the one thread for all jobs is to do. It stays: Linux ends the children of a thread that ends."""
    queue: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def work() -> None:
        # Ctrl+C is this process's to hear: what Dagster starts to copy a step's output would print a traceback.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while True:
            queue.get()()

    threading.Thread(target=work, name="jobs", daemon=True).start()
    return queue


def _wait(done: threading.Event) -> None:
    said, last_at_work = False, time.monotonic()
    while not done.wait(0.2):  # a handler runs between two of them at the latest
        if not STOP.requested or step_running():
            last_at_work = time.monotonic()
        elif time.monotonic() - last_at_work > IDLE_S:
            raise Stopped(STOP.name)
        if STOP.requested and not said:
            said = True
            console.print(f"  {STOP.name}: what is in flight ends first; a second signal ends it at once.")
