"""One server for all cases, whose quirk each case sets; and a plain server's texts to compare with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import pytest

from assets.partitions import SHARDS
from resources.embedded import reading
from resources.engine import engine
from resources.engine.retries import next_try
from testing.quirky_server import Quirk, QuirkyServer, Seen, quirky_server
from tests.servers.case import SHARD, Runner


@pytest.fixture(scope="session")
def _server() -> Iterator[QuirkyServer]:
    with quirky_server(Quirk("plain")) as server:
        yield server


@pytest.fixture(scope="session")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
        yield instance


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages' texts are of no matter here, and their reading takes seconds, as waiting for a next try does."""

    def soon(*state: Any) -> float | Literal["give up", "stop"]:
        decision = next_try(*state)
        return decision / 10 if isinstance(decision, float) else decision

    monkeypatch.setattr(reading.ocr, "read_lines", lambda data: [])
    monkeypatch.setattr(engine, "next_try", soon)


@pytest.fixture
def runner(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick: None,
    _server: QuirkyServer,
    _instance: dg.DagsterInstance,
) -> Runner:
    _server.quirk, _server.seen = Quirk("plain"), Seen()
    return Runner(tmp_path / "home", _server, _instance, monkeypatch)
