"""`lwv demo` and signals: it ends in order, is alone in its home, and goes on where it was."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.workspace.load_target import WorkspaceFileTarget

from lwv_dagster.instance import open_instance
from testing.demo_process import ROOT, DemoProcess, on_a_busy_machine
from testing.slow_models import SlowModels, slow_models
from tests.conftest import UNLIKE_DECKS, draw_page, write_recipe

SHARD = "talks-001"
MOST_S = 15.0  # from a signal to the end, in every phase but training
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models() -> Iterator[SlowModels]:
    with slow_models(0.1) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that the tests below share, one after the other, and its sources."""
    folder = tmp_path_factory.mktemp("stops")
    for subject, pages in UNLIKE_DECKS.items():  # one of each split
        draw_page(folder / "sources" / "talks" / f"{subject}.png", *pages[0])
    return folder


def start(folder: Path, models: SlowModels) -> DemoProcess:
    return DemoProcess(folder / "home", folder / "sources", {**models.env(), "LWV_RECIPE": write_recipe(folder)})


def test_one_signal_ends_the_reading_within_a_page(
    folder: Path, models: SlowModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = start(folder, models)
    assert demo.wait_for("ocr", SHARD)
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(on_a_busy_machine(MOST_S)) == 128 + signal.SIGTERM
    assert demo.said().splitlines()[-1].startswith("stopped by SIGTERM; `lwv demo` goes on where it stopped")
    assert "Traceback" not in demo.said()
    demo.all_gone(2)
    assert not any((folder / "home" / "tables").rglob("*.parquet*"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with open_instance(folder / "home") as instance:
        (run,) = instance.get_runs()
    monkeypatch.delenv("DAGSTER_HOME")
    assert run.status == dg.DagsterRunStatus.CANCELED
    (location,) = WorkspaceFileTarget([str(ROOT / "workspace.yaml")]).create_origins()
    assert run.remote_job_origin is not None  # without which the UI's timeline leaves it out
    assert run.remote_job_origin.location_name == location.location_name


def test_a_second_demo_says_who_is_at_work_and_calls_in_flight_end_before_the_first_one_does(
    folder: Path, models: SlowModels
) -> None:
    demo = start(folder, models)
    assert demo.wait_for("writing", SHARD)
    models.held = True
    wait_for(lambda: models.in_flight > 0)
    second = start(folder, models)
    assert second.process.wait(on_a_busy_machine(30)) == 2
    assert f"`lwv demo` (pid {demo.process.pid} on " in second.said()
    demo.process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert demo.process.poll() is None
    models.held = False
    assert demo.process.wait(on_a_busy_machine(MOST_S)) == 128 + signal.SIGINT
    assert models.in_flight == 0
    assert not (folder / "home" / "tables" / "long_outputs").exists()
    demo.all_gone(2)


def test_a_killed_demo_leaves_no_process_and_the_next_one_ends_its_run_and_pays_nothing_again(
    folder: Path, models: SlowModels
) -> None:
    paid = models.answered.copy()
    demo = start(folder, models)
    assert demo.wait_for("corrections", SHARD)
    demo.process.kill()
    demo.process.wait()
    demo.all_gone(5)
    again = start(folder, models)
    assert again.wait_for("corrections", SHARD)
    assert "1 run of a killed process was ended" in again.said()
    again.process.send_signal(signal.SIGTERM)
    assert again.process.wait(on_a_busy_machine(MOST_S)) == 128 + signal.SIGTERM
    assert {question for question in paid if models.answered[question] > paid[question]} == set()


def wait_for(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + on_a_busy_machine(30)
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)
