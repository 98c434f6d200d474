"""A server of our own: started once, shared, ended with those who use it, whatever kills whom."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.failures import EndpointError, StoppedError
from resources.ledger import Ledger
from resources.messages import Call, user
from resources.settings import Settings
from resources.vllm.own_servers import OWN_SERVERS, held
from resources.vllm.served_endpoints import Serving, require_servable
from resources.vllm.vllm_environment import vllm_environment
from testing.demo_process import on_a_busy_machine
from testing.fake_vllm import fake_environment, fake_model
from testing.vllm_processes import group_of, pid_of, wait_until

ROOT = Path(__file__).resolve().parents[2]
USER = """
import sys, time
from pathlib import Path
from resources.endpoints import Endpoint
from resources.settings import Settings
from resources.vllm.served_endpoints import Serving
print(Serving(Path(sys.argv[1]), Settings()).address(Endpoint("teacher", sys.argv[2])), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture
def model(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LWV_VLLM_PYTHON", str(python))
    monkeypatch.delenv("FAKE_VLLM", raising=False)
    yield fake_model(tmp_path / "models" / "one")
    OWN_SERVERS.let_go()
    assert wait_until(lambda: not group_of(tmp_path / "home")), "a server was left behind"


def serving(home: Path) -> Serving:
    return Serving(home, Settings())


def endpoint(model: Path) -> Endpoint:
    return Endpoint("teacher", f"vllm:{model}")


def plans(home: Path) -> list[Path]:
    return sorted(home.glob("vllm/*/plan.json"))


async def ask(home: Path, model: Path, *seeds: int) -> tuple[list[str], dict[str, float]]:
    where = endpoint(model)
    async with ModelEngine({"teacher": where}, Ledger.at(home), lambda _: b"", own=serving(home)) as engine:
        texts = [
            (await engine.ask(Call("teacher", (user("Write."),), "t@1", f"s{seed}", "step", seed=seed))).text
            for seed in seeds
        ]
    return texts, engine.tally.counts()


def test_it_is_started_by_the_first_call_and_answers_in_full_sampling(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    texts, counts = run(ask(home, model, 1, 2))
    assert texts == ["A text for seed 1.", "A text for seed 2."]
    assert (counts["vllm_generated_tokens"], counts["vllm_prefix_hit_share"]) == (20, 0.5)
    (log,) = home.glob("vllm/*/work/requests.jsonl")
    for line in log.read_text().splitlines():
        body = json.loads(line)
        assert body["model"] == "models/one"
        assert {"top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "seed", "temperature"} <= set(body)
        assert body["repetition_detection"]["min_count"] > 1


def test_what_the_ledger_answers_starts_no_server(model: Path, tmp_path: Path) -> None:
    run(ask(tmp_path / "home", model, 1))
    OWN_SERVERS.let_go()
    before = plans(tmp_path / "home")[0].stat().st_mtime_ns
    assert run(ask(tmp_path / "home", model, 1))[0] == ["A text for seed 1."]
    assert plans(tmp_path / "home")[0].stat().st_mtime_ns == before
    assert group_of(tmp_path / "home") == {}


def test_it_is_gone_with_its_worker_once_it_is_let_go(model: Path, tmp_path: Path) -> None:
    serving(tmp_path / "home").address(endpoint(model))
    assert len(group_of(tmp_path / "home")) == 3  # keeper, server, worker
    OWN_SERVERS.let_go()
    assert wait_until(lambda: not group_of(tmp_path / "home"), 2)


@pytest.mark.parametrize(
    "killed", [("factory",), ("server",), ("keeper",), ("factory", "server"), ("factory", "keeper")]
)
def test_nothing_is_left_whoever_is_killed(killed: tuple[str, ...], model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    factory = subprocess.Popen(
        [sys.executable, "-c", USER, str(home), f"vllm:{model}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert factory.stdout is not None
    assert factory.stdout.readline().startswith("http://127.0.0.1:")
    pids = {"factory": factory.pid, "server": pid_of(home, "served_process"), "keeper": pid_of(home, "server_keeper")}
    assert len(group_of(home)) == 3
    for name in killed:
        os.kill(pids[name], signal.SIGKILL)
    assert wait_until(lambda: not group_of(home), 5), f"left behind: {group_of(home)}"
    factory.kill()
    factory.wait()
    assert run(ask(home, model, 7))[0] == ["A text for seed 7."]  # the next one starts it again


def test_two_processes_use_one_server_and_the_last_one_ends_it(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    users = [
        subprocess.Popen(
            [sys.executable, "-c", USER, str(home), f"vllm:{model}"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    addresses = {user.stdout.readline() for user in users if user.stdout}
    assert len(addresses) == 1
    assert len(group_of(home)) == 3
    users[0].kill()
    users[0].wait()
    time.sleep(1)
    assert len(group_of(home)) == 3
    users[1].terminate()
    users[1].wait()
    assert wait_until(lambda: not group_of(home), 5)


def test_a_server_that_is_killed_between_two_calls_is_started_again(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"

    async def go() -> str:
        async with ModelEngine(
            {"teacher": endpoint(model)}, Ledger.at(home), lambda _: b"", own=serving(home)
        ) as engine:
            await engine.ask(Call("teacher", (user("Write."),), "t@1", "a", "step", seed=1))
            os.kill(pid_of(home, "served_process"), signal.SIGKILL)
            return (await engine.ask(Call("teacher", (user("Write."),), "t@1", "b", "step", seed=2))).text

    assert run(go()) == "A text for seed 2."


def test_calls_that_end_it_each_time_end_the_run_with_its_last_words(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VLLM", "crash")
    with pytest.raises(EndpointError, match=r"vLLM ended 3 times while it served models/one"):
        run(ask(tmp_path / "home", model, 1))


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (
            "refuse",
            r"could not serve models/one: vLLM does not know this model.*Model architectures \['Odd'\].*log\.txt\)",
        ),
        ("full", r"the GPU is full: .*less than desired GPU memory utilization"),
        ("odd", r"it said \"RuntimeError: something nobody knows"),
    ],
)
def test_one_that_does_not_come_up_says_why_in_a_sentence(
    mode: str, says: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VLLM", mode)
    with pytest.raises(EndpointError, match=says) as error:
        run(ask(tmp_path / "home", model, 1))
    assert "\n" not in str(error.value)


def test_another_port_is_tried_where_one_was_taken(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VLLM", "port")
    assert run(ask(tmp_path / "home", model, 3))[0] == ["A text for seed 3."]


def test_one_that_loads_too_long_is_given_up(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_VLLM", "loads")
    monkeypatch.setenv("LWV_VLLM_START_S", "1.5")
    with pytest.raises(EndpointError, match=r"has not served models/one in 1\.5 s \(LWV_VLLM_START_S\)"):
        serving(tmp_path / "home").address(endpoint(model))


def test_a_run_that_is_stopped_does_not_wait_for_one_that_loads(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VLLM", "loads")
    home = tmp_path / "home"

    async def go() -> None:
        async with ModelEngine(
            {"teacher": endpoint(model)}, Ledger.at(home), lambda _: b"", own=serving(home)
        ) as engine:
            threading.Timer(1.0, engine.stop, ("it was asked to",)).start()
            await engine.ask(Call("teacher", (user("Write."),), "t@1", "a", "step"))

    started = time.monotonic()
    with pytest.raises(StoppedError):
        run(go())
    assert time.monotonic() - started < on_a_busy_machine(8)


def test_waiting_is_said(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FAKE_VLLM", "loads")
    monkeypatch.setenv("LWV_VLLM_START_S", "1")
    monkeypatch.setattr("resources.vllm.own_servers.SAY_EVERY_S", 0.3)
    caplog.set_level(logging.INFO, "lwv.progress")
    with pytest.raises(EndpointError):
        serving(tmp_path / "home").address(endpoint(model))
    assert any("vLLM loads models/one" in line and "log.txt" in line for line in caplog.messages)


@pytest.mark.parametrize(
    ("address", "setting", "says"),
    [
        ("vllm:/nowhere/model", "", "no folder"),
        ("vllm:{empty}", "", "no config.json"),
        ("vllm:{hollow}", "", "no weights"),
        ("vllm:{model}", "/nowhere/python", "LWV_VLLM_PYTHON is /nowhere/python, which is no program"),
        ("vllm:{model}", "{without}", "has no vLLM"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_starts(
    address: str, setting: str, says: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"model": model, "empty": tmp_path / "empty", "hollow": tmp_path / "hollow", "without": ""}
    for name in ("empty", "hollow"):
        places[name].mkdir()  # type: ignore[union-attr]
    (tmp_path / "hollow" / "config.json").write_text("{}")
    places["without"] = fake_environment(tmp_path / "without", version="")
    if setting:
        monkeypatch.setenv("LWV_VLLM_PYTHON", setting.format(**places))
    with pytest.raises(EndpointError, match=says) as error:
        require_servable(Endpoint("judge", address.format(**places)), Settings())
    assert "\n" not in str(error.value)


def test_an_environment_for_a_cpu_is_told_from_one_for_a_gpu(tmp_path: Path) -> None:
    assert vllm_environment(fake_environment(tmp_path / "cpu")).cpu
    assert not vllm_environment(fake_environment(tmp_path / "gpu", torch="2.14.0")).cpu


def test_a_lock_that_nobody_holds_is_free(tmp_path: Path) -> None:
    assert not held(tmp_path / "alive")
