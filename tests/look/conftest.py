"""A small home to look at, and the app over it."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from assets.segments.schema import SEGMENTS
from lwv_dagster.look.app import make_app
from resources.decisions.decision import Decision
from resources.decisions.people import decisions_of
from resources.store import Store
from testing.look_home import write_look_home

BASE = "http://127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]
START_S = 60.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three shards of four decks of four pages: eight decks of the sft split, three of the preference split, one held
    out."""
    monkeypatch.setenv("LWV_RECIPE", "default")
    write_look_home(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(make_app(home), base_url=BASE) as found:
        yield found


@pytest.fixture
def rows(home: Path) -> Callable[[str], list[dict[str, Any]]]:
    """The segments rows of a split, each with its shard."""

    def of(split: str) -> list[dict[str, Any]]:
        store = Store(home)
        return [
            {**row, "shard": shard}
            for shard in ("lectures-001", "lectures-002", "lectures-003")
            for row in store.rows(SEGMENTS, shard)
            if row["split"] == split
        ]

    return of


def shown(client: TestClient, row: dict[str, Any]) -> dict[str, str]:
    """What the item's fragment says of a segment, and the beginning of a decision about it."""
    page = client.get(f"/queue/item/{row['shard']}/{row['segment_id']}")
    assert page.status_code == 200, page.text
    found = dict(re.findall(r'(data-[a-z-]+)="([^"]*)"', page.text))
    return {
        "kind": "segment",
        "target": row["segment_id"],
        "shard": row["shard"],
        "seen": found["data-seen"],
        "known": found["data-known"],
        "who": "Li",
    }


def post(client: TestClient, where: str, line: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = client.post(f"/queue/{where}", content=json.dumps(line), headers={"content-type": "application/json"})
    return answer.status_code, answer.json()


def saved(home: Path) -> list[Decision]:
    return decisions_of(home) if (home / "calls.db").exists() else []


@pytest.fixture
def served() -> Iterator[Callable[[Path], str]]:
    """Serves a home as `lwv look` does, in a process of its own; gives its address."""
    processes = list[subprocess.Popen[bytes]]()

    def serve(home: Path) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "lwv_dagster.cli", "look", "--port", str(port)]
        environment = {**os.environ, "LWV_HOME": str(home), "PYTHONPATH": str(ROOT)}
        processes.append(subprocess.Popen(command, env=environment, cwd=ROOT))
        until = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                assert processes[-1].poll() is None, "lwv look ended"
                assert time.monotonic() < until, "lwv look did not start"
                time.sleep(0.05)
            else:
                return f"http://127.0.0.1:{port}"

    yield serve
    for process in processes:
        process.terminate()
        process.wait(20)
