"""The Dagster instance of a factory: it lives in $LWV_HOME/dagster, so the demo and the UI see the same runs."""

import os
import shutil
from pathlib import Path

import dagster as dg
from filelock import FileLock

from assets.step_run import run_lock
from resources.failures import StorageError
from resources.locks import FOLDER
from resources.storage_faults import storage, why

_TEMPLATE = Path(__file__).resolve().parents[1] / "dagster_home" / "dagster.yaml"
_OLD_PID_TAG = "lwv/pid"  # that 0.2 gave the demo's runs, which held no lock
_FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_UNFINISHED = [status for status in dg.DagsterRunStatus if status not in _FINISHED]


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance at DAGSTER_HOME, or at `home`/dagster where that is not set; made with our settings if new.

    One process at a time makes or migrates it: where several do, Dagster's databases end with two schema versions, and
    no later start succeeds (dagster#27390). Raises StorageError where the disk or a database fails.
    """
    folder = Path(os.environ.get("DAGSTER_HOME") or home / "dagster").absolute()  # Dagster refuses a relative one
    os.environ["DAGSTER_HOME"] = str(folder)
    with storage(home):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".opening.lock"):
            if not (folder / "dagster.yaml").exists() and _TEMPLATE.exists():
                shutil.copyfile(_TEMPLATE, folder / "dagster.yaml")
            return _get_instance(home, folder)


def _get_instance(home: Path, folder: Path) -> dg.DagsterInstance:
    try:
        return dg.DagsterInstance.get()
    except Exception as error:  # whatever Dagster, or a reader of YAML, says of a damaged dagster.yaml
        if why(error, home) is not None:
            raise
        says = str(error).strip().partition("\n")[0]
        raise StorageError(
            f"Dagster's instance in {folder} cannot be opened ({says}): where dagster.yaml there is wrong, delete it, "
            "and the factory's own takes its place."
        ) from error


def end_dead_runs(instance: dg.DagsterInstance, home: Path) -> int:
    """Mark the runs whose process was killed as failed and free their slots in the pools; returns how many.

    A run's process holds the run's lock (assets/step_run.py): where the lock is free the process has ended, whatever
    its pid means by now. Runs without a lock file are of another home, or have begun no step.
    """
    dead = [run for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)) if _is_dead(run, home)]
    for run in dead:
        instance.report_run_failed(run, "The process of this run was killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    for path in (home / FOLDER).glob("run-*.lock"):
        found = instance.get_run_by_id(path.stem.removeprefix("run-"))
        if found is None or found.is_finished:
            path.unlink(missing_ok=True)
    return len(dead)


def _is_dead(run: dg.DagsterRun, home: Path) -> bool:
    lock = run_lock(home, run.run_id)
    if not lock.path.exists():
        return _OLD_PID_TAG in run.tags
    dead = lock.take("end_dead_runs")
    lock.release()
    return dead
