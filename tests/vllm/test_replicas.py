"""Servers side by side: a document stays with one, each has its GPUs, and none is left behind."""

import asyncio
import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from lwv_dagster.check import check_servers
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.failures import EndpointError
from resources.ledger import Ledger
from resources.messages import Call, user
from resources.settings import Settings
from resources.vllm.gpu_share import Share, share_of
from resources.vllm.own_servers import OWN_SERVERS
from resources.vllm.served_endpoints import Serving
from resources.vllm.served_model import replica_of
from testing.fake_vllm import fake_environment, fake_model
from testing.vllm_processes import group_of, wait_until


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LWV_VLLM_PYTHON", str(fake_environment(tmp_path / "environment")))
    monkeypatch.setenv("LWV_VLLM_REPLICAS", "3")
    monkeypatch.delenv("FAKE_VLLM", raising=False)
    folder = fake_model(tmp_path / "models" / "one")
    monkeypatch.setenv("LWV_TEACHER_BASE_URL", f"vllm:{folder}")
    yield folder
    OWN_SERVERS.let_go()
    assert wait_until(lambda: not group_of(tmp_path / "home")), "a server was left behind"


async def ask(home: Path, samples: int, steps: int) -> dict[str, float]:
    """Each sample's steps in order, the samples side by side."""
    endpoint = Endpoint.from_env("teacher")
    async with ModelEngine(
        {"teacher": endpoint}, Ledger.at(home), lambda _: b"", own=Serving(home, Settings())
    ) as engine:

        async def one(sample: int) -> None:
            for step in range(steps):
                await engine.ask(Call("teacher", (user(f"s{sample}"),), "t@1", f"s{sample}", f"step {step}", seed=step))

        await asyncio.gather(*(one(sample) for sample in range(samples)))
    return engine.tally.counts()


def samples_of(log: Path) -> set[str]:
    return {json.loads(line)["messages"][-1]["content"] for line in log.read_text().splitlines()}


def test_a_document_stays_with_one_server_and_each_has_some(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    counts = run(ask(home, 30, 4))
    logs = list(home.glob("vllm/*/work/requests.jsonl"))
    assert len(logs) == 3
    assert len(group_of(home)) == 9  # keeper, server and worker of each
    seen = defaultdict(list)
    for log in logs:
        for sample in samples_of(log):
            seen[sample].append(log)
    assert len(seen) == 30
    assert all(len(where) == 1 for where in seen.values())
    assert counts["vllm_generated_tokens"] == 30 * 4 * 10  # of all three together
    assert counts["vllm_prefix_hit_share"] == 0.5


def test_one_that_is_killed_is_started_again_and_the_others_go_on(model: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    Serving(home, Settings()).start(Endpoint.from_env("teacher"))
    servers = [pid for pid, command in group_of(home).items() if "served_process" in command]
    assert len(servers) == 3
    os.kill(servers[1], signal.SIGKILL)
    assert wait_until(lambda: len(group_of(home)) == 6)  # its keeper and its worker have ended too
    run(ask(home, 12, 2))
    again = [pid for pid, command in group_of(home).items() if "served_process" in command]
    assert len(again) == 3
    assert len(set(again) & set(servers)) == 2


def test_each_server_has_its_part_of_the_gpus() -> None:
    assert share_of(Share(1, 1), ["0", "1"]) == {}
    four = [share_of(Share(number, 4), ["0", "1", "2", "3"])["CUDA_VISIBLE_DEVICES"] for number in (1, 2, 3, 4)]
    assert four == ["0", "1", "2", "3"]
    assert [share_of(Share(number, 2), ["4", "5", "6"])["CUDA_VISIBLE_DEVICES"] for number in (1, 2)] == ["4", "5,6"]
    with pytest.raises(EndpointError, match=r"LWV_VLLM_REPLICAS is 2, and there is 1 GPU for them"):
        share_of(Share(1, 2), ["0"])


def test_the_first_server_keeps_the_name_that_one_alone_has(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    several = Endpoint.from_env("teacher").urls
    assert list(map(replica_of, several)) == [1, 2, 3]
    monkeypatch.setenv("LWV_VLLM_REPLICAS", "1")
    assert Endpoint.from_env("teacher").urls == several[:1]


def test_servers_that_cannot_be_started_are_a_sentence_of_the_check(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FAKE_VLLM", "refuse")
    assert not check_servers(Settings(), [Endpoint.from_env("teacher")])
    assert "vLLM could not serve models/one" in capsys.readouterr().out


def test_the_first_that_cannot_be_started_ends_the_start_of_all(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Number 2 finds no memory at once, the others load without end."""
    monkeypatch.setenv("LWV_VLLM_START_S", "60")
    monkeypatch.setenv("FAKE_VLLM", "second")
    began = time.monotonic()
    with pytest.raises(EndpointError, match="vLLM could not serve models/one"):
        Serving(tmp_path / "home", Settings()).start(Endpoint.from_env("teacher"))
    assert time.monotonic() - began < 40


def test_one_that_cannot_be_started_does_not_end_a_run_that_others_serve(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    run(ask(home, 30, 1))
    servers = [pid for pid, command in group_of(home).items() if "-2-of-3" in str(Path(f"/proc/{pid}/cwd").readlink())]
    for pid in servers:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: len(group_of(home)) == 6)
    monkeypatch.setenv("FAKE_VLLM", "second-full")
    run(ask(home, 30, 3))
    assert len(group_of(home)) == 6


def test_where_none_can_be_started_again_the_run_ends(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has answered before, so that each might count on another one without end."""
    home = tmp_path / "home"

    async def go() -> None:
        endpoint = Endpoint.from_env("teacher")
        engine = ModelEngine({"teacher": endpoint}, Ledger.at(home), lambda _: b"", own=Serving(home, Settings()))
        async with engine:
            for number in range(30):
                await engine.ask(Call("teacher", (user(f"s{number}"),), "t@1", f"s{number}", "one"))
            assert all(server.answered_at for server in engine.servers["teacher"])
            monkeypatch.setenv("FAKE_VLLM", "full")
            for pid, command in group_of(home).items():
                if "served_process" in command:
                    os.kill(pid, signal.SIGKILL)
            assert await asyncio.to_thread(wait_until, lambda: not group_of(home))
            await engine.ask(Call("teacher", (user("s1 again"),), "t@1", "s1", "two"))

    with pytest.raises(EndpointError, match="vLLM could not serve models/one"):
        run(asyncio.wait_for(go(), 60))
