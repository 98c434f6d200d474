"""`lwv demo` and signals: it ends in order, is alone in its home, and goes on where it was."""

import signal
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from lwv_dagster.instance import open_instance
from testing.demo_process import DemoProcess
from testing.slow_models import SlowModels, slow_models
from tests.conftest import draw_page, write_recipe

SHARD = "talks-001"
MOST_S = 15.0  # from a signal to the end, in every phase but training
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models() -> Iterator[SlowModels]:
    with slow_models(0.4) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that the tests below share, one after the other, and its sources."""
    folder = tmp_path_factory.mktemp("stops")
    for page in range(1, 7):
        draw_page(
            folder / "sources" / "talks" / "rivers" / f"{page}.png", f"Rivers, part {page}", f"{page * 7} springs"
        )
    return folder


def start(folder: Path, models: SlowModels) -> DemoProcess:
    return DemoProcess(folder / "home", folder / "sources", {**models.env(), "LWV_RECIPE": write_recipe(folder)})


def test_a_second_demo_says_who_is_at_work_and_one_signal_ends_the_first_within_a_page(
    folder: Path, models: SlowModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = start(folder, models)
    assert demo.wait_for("ocr", SHARD)
    second = start(folder, models)
    assert second.process.wait(60) == 2
    assert f"`lwv demo` (pid {demo.process.pid} on " in second.said()
    assert demo.process.poll() is None
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(MOST_S) == 128 + signal.SIGTERM
    assert demo.said().splitlines()[-1].startswith("stopped by SIGTERM; `lwv demo` goes on where it stopped")
    assert "Traceback" not in demo.said()
    assert demo.all_gone(2) < 2
    assert not any((folder / "home" / "tables").rglob("*.parquet*"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with open_instance(folder / "home") as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]
    monkeypatch.delenv("DAGSTER_HOME")


def test_calls_in_flight_end_and_none_is_paid_again(folder: Path, models: SlowModels) -> None:
    demo = start(folder, models)
    assert demo.wait_for("writing", SHARD)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(MOST_S) == 128 + signal.SIGINT
    assert models.in_flight == 0
    assert not any((folder / "home" / "tables" / "long_outputs").iterdir())
    demo.all_gone(2)
    paid = models.answered.copy()

    demo = start(folder, models)
    assert demo.wait_for("corrections", SHARD)
    demo.process.kill()
    demo.process.wait()
    demo.all_gone(5)
    assert {question for question in paid if models.answered[question] > paid[question]} == set()


def test_a_run_that_was_killed_is_ended_by_the_next_start(folder: Path, models: SlowModels) -> None:
    demo = start(folder, models)
    assert demo.wait_for("corrections", SHARD)
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(MOST_S) == 128 + signal.SIGTERM
    assert "1 run(s) of a killed process were ended" in demo.said()
