"""What surrounds the function of every step: the lock on what it writes, the run's own lock, and its end when asked."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg

from assets.step import Step
from resources.dagster import StoreResource, clear_failures
from resources.locks import Lock, LockingError, holding_when_free
from resources.stopping import STOP, Stopped
from resources.vllm.own_servers import OWN_SERVERS

Compute = Callable[..., dg.MaterializeResult[None]]  # context and resources -> what was written


def guarded(step: Step, compute: Compute) -> Compute:
    """The step's function, as every process runs it.

    One process at a time writes a shard, and one a step over all shards: the others wait. Nothing begins in a process
    that was asked to end, and what ends for that reason ends as a run that was canceled, not as one that failed.
    """

    @wraps(compute)
    def run(context: dg.AssetExecutionContext, **resources: Any) -> dg.MaterializeResult[None]:
        store: StoreResource = resources["store"]
        with clear_failures():
            home = store.create().home
        shard = context.partition_key if step.sharded else ""
        name = f"{step.name} {shard}".rstrip()
        _running.append(name)
        try:
            STOP.check()
            with clear_failures(LockingError):
                hold_run(home, context.run.run_id)
                with holding_when_free(
                    Lock(home, f"shard-{shard}" if shard else f"step-{step.name}"),
                    f"{name} of run {context.run.run_id[:8]}",
                    lambda holder: context.log.info("%s: waiting for %s", name, holder),
                ):
                    return compute(context, **resources)
        except BaseException as error:
            if not STOP.requested:
                raise
            context.instance.report_run_canceling(context.run, f"Stopped by {STOP.name}.")
            raise Stopped(STOP.name) from error
        finally:
            _running.remove(name)
            OWN_SERVERS.step_ended()

    return run


_running: list[str] = []  # steps that this process is in


def step_running() -> bool:
    """Whether this process is in a step."""
    return bool(_running)


_held: list[Lock] = []  # of the run that this process is at


def run_lock(home: Path, run_id: str) -> Lock:
    """The lock that is held as long as the run's process lives."""
    return Lock(home, f"run-{run_id}")


def hold_run(home: Path, run_id: str) -> None:
    """Hold the run's lock from here until this process ends or begins another run: so a dead run is known from one
    that goes on, whatever its pid, in whatever container. Shared, for a run's steps may have a process each."""
    lock = run_lock(home, run_id)
    if _held and _held[0].path == lock.path:
        return
    release_run()
    if lock.take(f"run {run_id}", shared=True):
        _held.append(lock)


def release_run() -> None:
    """Of the run that this process has ended."""
    while _held:
        lock = _held.pop()
        lock.release()
        lock.path.unlink(missing_ok=True)
