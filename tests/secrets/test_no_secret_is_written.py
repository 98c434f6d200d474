"""Servers that echo the key, a training log that prints its environment: nothing that the factory wrote holds it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from assets import generation
from assets.generation import GenerationError, Writers, write_answers
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.partitions import SHARDS
from assets.quality.quarantine import read_quarantine
from resources.dagster import GpuResource, ModelsResource, clear_failures
from resources.embedded import reading
from resources.recipe.model import Sampling
from resources.sampling import sampled_by
from resources.store import Store
from testing.leaks import leaks
from testing.quirky_server import Body, Quirk, QuirkyServer, Seen, quirky_server, with_message
from tests.servers.case import JOB, SHARD, prepare

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-live-W3x/8Qr+5Zt=2Lm9Nb4Vc7Kd"
TOKEN, EXTRA, QUERY = "hdr-6Yh2Ju8Ik4Ol0Pq", "ext-1As5Df9Gh3Jk7Zx", "qry-4Rt8Yu2Io6Pa0Sd"
PASSWORD, HUB = "Pg5Wq9Er3Ty7Ui1Op", "hf_Mn6Bv2Cx8Za4Lk0Jh"
SECRETS = (KEY, TOKEN, EXTRA, QUERY, PASSWORD, HUB)


@pytest.fixture(scope="module")
def server() -> Iterator[QuirkyServer]:
    with quirky_server(Quirk("plain")) as found:
        yield found


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: QuirkyServer) -> dict[str, str]:
    monkeypatch.setattr(reading.ocr, "read_lines", lambda data: [])  # takes seconds, and is of no matter here
    for name in [
        name for name in os.environ if name.startswith(("LWV_", "DAGSTER_")) or name.lower().endswith("_proxy")
    ]:
        monkeypatch.delenv(name)
    found = {
        "LWV_HOME": str(tmp_path / "home"),
        "LWV_TEACHER_BASE_URL": f"{server.url}?key={QUERY}",
        "LWV_TEACHER_MODEL": "m",
        "LWV_TEACHER_API_KEY": KEY,
        "LWV_TEACHER_HEADERS": json.dumps({"Authorization-Of-Proxy": f"Basic {TOKEN}"}),
        "LWV_TEACHER_EXTRA": json.dumps({"guard": {"api_key": EXTRA}}),
        "LWV_TEACHER_PATIENCE_S": "2",
        "LWV_DATABASE_URL": f"postgresql://lwv:{PASSWORD}@localhost/lwv",
        "HF_TOKEN": HUB,
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    settings: dict[str, Any] = {
        "telemetry": {"enabled": False},
        "python_logs": {"managed_python_loggers": ["lwv"], "python_log_level": "INFO"},
    }
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster"), overrides=settings) as found:
        found.add_dynamic_partitions(str(SHARDS.name), [SHARD])
        yield found


def echo(seen: Seen, body: Body) -> str:
    """All that arrived, as a server may say it in its own words."""
    return json.dumps({"headers": seen.headers[-1], "query": seen.queries[-1], "guard": body.get("guard")})


def refusing(status: int, form: Callable[[str], Any]) -> Quirk:
    def refuse(body: Body, seen: Seen) -> Response | None:
        said = form(f"You sent {echo(seen, body)}")
        return PlainTextResponse(said, status) if isinstance(said, str) else JSONResponse(said, status)

    return Quirk(f"echoes in a {status}", refuse=refuse)


def in_its_text(answer: Body, body: Body, seen: Seen) -> Response:
    text = answer["choices"][0]["message"]["content"]
    told = {**answer, "model": f"m {KEY}", "system_fingerprint": KEY}
    if text.lstrip().startswith("{"):  # a plan, or another answer in a form of its own
        return JSONResponse(told)
    return JSONResponse(with_message(told, content=f"{text} The key is {KEY}, and of the header {TOKEN}."))


QUIRKS = {
    "400": refusing(400, lambda said: {"error": {"message": said, "code": KEY}}),
    "401": refusing(401, lambda said: {"error": said}),
    "418": refusing(418, lambda said: f"<html><title>{said}</title></html>"),
    "500": refusing(500, lambda said: said),
    "a 200's text": Quirk("echoes in its texts", shape=in_its_text),
    "a 200 without an answer": Quirk("none", shape=lambda answer, body, seen: JSONResponse({"said": echo(seen, body)})),
}


@pytest.mark.parametrize("name", QUIRKS)
def test_a_server_that_echoes_the_key_leaves_it_nowhere(
    name: str,
    tmp_path: Path,
    env: dict[str, str],
    server: QuirkyServer,
    instance: dg.DagsterInstance,
    capfd: pytest.CaptureFixture[str],
) -> None:
    store = prepare(tmp_path / "home")
    server.quirk, server.seen = QUIRKS[name], Seen()
    came = JOB.execute_in_process(instance=instance, partition_key=SHARD, raise_on_error=False)
    assert KEY in str(server.seen.headers[-1]) and QUERY in server.seen.queries[-1]
    said = capfd.readouterr()
    assert "long_outputs" in said.err
    assert [secret for secret in SECRETS if secret in said.out + said.err] == []
    assert leaks([tmp_path / "home", tmp_path / "dagster"], SECRETS) == []
    if name == "a 200's text":
        (first, *_) = store.rows(LONG_OUTPUTS, SHARD)
        assert "The key is ***, and of the header ***." in first["output"]
    elif came.success:
        assert all("***" in row["reason"] for row in read_quarantine(store, "long_outputs", SHARD))
    else:
        assert "***" in str([event for event in came.all_events if event.is_step_failure])


def test_a_training_log_that_prints_its_environment_holds_no_secret(
    tmp_path: Path, env: dict[str, str], instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    """Of the environment only the hub's token is handed on, because the hub may be asked."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(generation, "SCRIPT", "testing.tells_all")
    store = Store(tmp_path / "home")

    @dg.asset
    def tells(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient) -> None:
        with clear_failures(GenerationError):
            answers = store.home / "drafts" / "answers.jsonl"
            line: Any = {"item_id": "1", "prompt": "p", "images": [], "seed": 1, "max_new_tokens": 1}
            writers = Writers(context, pipes, store, GpuResource(), ModelsResource())
            write_answers(writers, {"sft": "nowhere"}, [line], answers, sampled_by(1.0, Sampling()))

    came = dg.materialize(
        [tells], instance=instance, resources={"pipes": dg.PipesSubprocessClient()}, raise_on_error=False
    )
    assert not came.success
    said = capfd.readouterr()
    logs = "".join(path.read_text() for path in (tmp_path / "dagster").rglob("*.out"))
    assert "LWV_TEACHER_API_KEY=''" in logs + said.out and "HF_TOKEN='***'" in logs + said.out
    assert [secret for secret in SECRETS if secret in said.out + said.err] == []
    assert leaks([tmp_path / "home", tmp_path / "dagster"], SECRETS) == []


def test_lwv_check_shows_no_secret(tmp_path: Path, env: dict[str, str], server: QuirkyServer) -> None:
    server.quirk, server.seen = QUIRKS["401"], Seen()
    checked = subprocess.run(
        [sys.executable, "-m", "lwv_dagster.cli", "check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "does not accept the key" in checked.stdout and "***" in checked.stdout
    assert [secret for secret in SECRETS if secret in checked.stdout + checked.stderr] == []
    assert leaks([tmp_path / "home"], SECRETS) == []
