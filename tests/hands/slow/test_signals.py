"""Signals and kills at random moments of every phase, as a process and as pid 1 of a container: `make test-hands`.

LWV_MOMENTS: how many moments in each phase (20 for the numbers that docs/operations.md states).
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from testing.demo_process import IN_A_CONTAINER, STEPS, DemoProcess, finish, forget_phase, on_a_busy_machine, tables_of
from testing.slow_models import SlowModels, slow_models
from tests.conftest import draw_unlike_decks, write_recipe

MOMENTS = int(os.environ.get("LWV_MOMENTS", "3"))
SHARD = "talks-001"
# Seconds from the signal to the end that are promised: a page; the calls in flight; a step of training and its save.
MOST_S = {"ocr": 10.0, "writing": 10.0, "corrections": 10.0, "sft": 30.0, "dpo": 30.0, "scores": 10.0}
SPAN_S = {"ocr": 4.0, "writing": 4.0, "corrections": 3.0, "sft": 12.0, "dpo": 12.0, "scores": 10.0}
GONE_S = 5.0  # from kill -9 to the end of the last child
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models() -> Iterator[SlowModels]:
    with slow_models(0.3) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signals")
    draw_unlike_decks(folder / "sources" / "talks")
    return folder


@pytest.fixture(scope="module")
def env(folder: Path, models: SlowModels) -> Mapping[str, str]:
    return {**models.env(), "LWV_RECIPE": write_recipe(folder)}


@pytest.fixture(scope="module")
def unbroken(folder: Path, env: Mapping[str, str]) -> Path:
    """The home of a demo that nobody disturbed."""
    finish(folder / "unbroken", folder / "sources", env)
    return folder / "unbroken"


@pytest.fixture
def home(folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    home = folder / request.node.name.replace("[", "-").rstrip("]")
    yield home
    shutil.rmtree(home)


def interrupt(
    home: Path, folder: Path, env: Mapping[str, str], name: str, number: signal.Signals, wrapper: tuple[str, ...] = ()
) -> float | None:
    """Seconds from a signal at a random moment of the phase to the end of all; None where the phase was over."""
    demo = DemoProcess(home, folder / "sources", env, wrapper)
    if not demo.wait_for(name, SHARD):
        assert demo.process.returncode == 0, demo.said()
        return None
    time.sleep(random.uniform(0, SPAN_S[name]))
    if demo.process.poll() is not None:
        return None
    sent = time.monotonic()
    os.kill(demo.demo_pid() if wrapper else demo.process.pid, number)
    demo.process.wait(on_a_busy_machine(MOST_S[name]))
    if number == signal.SIGKILL:
        demo.all_gone(GONE_S)
    else:
        assert demo.process.returncode == 128 + number, demo.said()
        assert "Traceback" not in demo.said()
        demo.all_gone(1)
    return time.monotonic() - sent


def often(
    home: Path,
    folder: Path,
    env: Mapping[str, str],
    name: str,
    numbers: list[signal.Signals],
    wrapper: tuple[str, ...] = (),
) -> int:
    """A signal after the other in one phase of one home; the phase begins again where it was over. How many met it."""
    took: list[float] = []
    for number in numbers:
        seconds = interrupt(home, folder, env, name, number, wrapper)
        if seconds is None:
            forget_phase(home, SHARD, name)
        else:
            took.append(seconds)
    print(f"{name}: {len(took)} of {len(numbers)} in the phase, {', '.join(f'{seconds:.1f}' for seconds in took)} s")
    return len(took)


@pytest.mark.parametrize("name", STEPS)
def test_signals_end_a_demo_in_time_and_it_ends_like_an_unbroken_one(
    name: str, home: Path, folder: Path, env: Mapping[str, str], unbroken: Path
) -> None:
    numbers = [random.choice((signal.SIGINT, signal.SIGTERM)) for _ in range(MOMENTS)]
    assert often(home, folder, env, name, numbers), f"{name} was over each time"
    finish(home, folder / "sources", env)
    assert tables_of(home) == tables_of(unbroken)


def test_kills_leave_no_process_and_a_demo_ends_like_an_unbroken_one(
    home: Path, folder: Path, env: Mapping[str, str], unbroken: Path
) -> None:
    moments = range(max(len(STEPS), MOMENTS))
    met = [often(home, folder, env, list(STEPS)[number % len(STEPS)], [signal.SIGKILL]) for number in moments]
    assert sum(met) > len(met) / 2
    finish(home, folder / "sources", env)
    assert tables_of(home) == tables_of(unbroken)


def test_the_same_as_pid_1_of_a_container(home: Path, folder: Path, env: Mapping[str, str], unbroken: Path) -> None:
    if subprocess.run([*IN_A_CONTAINER, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a pid namespace of its own needs root, or unprivileged user namespaces")
    numbers = [(signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[number % 3] for number in range(MOMENTS)]
    met = [often(home, folder, env, name, [number], IN_A_CONTAINER) for number in numbers for name in STEPS]
    assert sum(met) > len(met) / 2
    finish(home, folder / "sources", env)
    assert tables_of(home) == tables_of(unbroken)
