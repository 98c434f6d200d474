"""The Dagster instance of a factory: it lives in $LWV_HOME/dagster, so the demo and the UI see the same runs."""

import os
import shutil
import sys
from pathlib import Path

import dagster as dg
from filelock import FileLock

from resources.failures import StorageError
from resources.home import require_home
from resources.settings import SettingError, Settings
from resources.storage_faults import storage

_TEMPLATE = Path(__file__).resolve().parents[1] / "dagster_home" / "dagster.yaml"
PID_TAG = "lwv/pid"


def main() -> None:
    """Make or migrate the instance before `dagster dev` opens it without a lock (`make ui`)."""
    try:
        home = Settings().absolute().home
        require_home(home)
        open_instance(home).dispose()
    except (SettingError, StorageError) as error:
        sys.exit(f"make ui cannot start: {error}")


def open_instance(home: Path) -> dg.DagsterInstance:
    """The instance at DAGSTER_HOME, or at `home`/dagster where that is not set; made with our settings if new.

    One process at a time makes or migrates it: where several do, Dagster's databases end with two schema versions, and
    no later start succeeds (dagster#27390). Raises StorageError where the disk or a database fails.
    """
    folder = Path(os.environ.get("DAGSTER_HOME") or home / "dagster")
    os.environ["DAGSTER_HOME"] = str(folder)
    with storage(home):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".opening.lock"):
            if not (folder / "dagster.yaml").exists() and _TEMPLATE.exists():
                shutil.copyfile(_TEMPLATE, folder / "dagster.yaml")
            return dg.DagsterInstance.get()


def end_dead_runs(instance: dg.DagsterInstance) -> int:
    """Mark the runs whose process was killed as failed and free their slots in the pools; returns how many."""
    unfinished = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    dead = [run for run in instance.get_runs(unfinished) if PID_TAG in run.tags and not _alive(run.tags[PID_TAG])]
    for run in dead:
        instance.report_run_failed(run, "The process of this run was killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return len(dead)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main()
