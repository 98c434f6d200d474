"""A small home to look at, and the app over it."""

import json
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


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two shards of four decks of four pages."""
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
            for shard in ("lectures-001", "lectures-002")
            for row in store.rows(SEGMENTS, shard)
            if row["split"] == split
        ]

    return of


def shown(client: TestClient, row: dict[str, Any]) -> dict[str, str]:
    """What the item's fragment says of a segment, and the beginning of a decision about it."""
    page = client.get(f"/queue/item/{row['shard']}/{row['segment_id']}")
    assert page.status_code == 200, page.text
    article = page.text.partition("<article")[2].partition(">")[0]
    found = dict(part.split('="') for part in article.rstrip('"').split('" '))
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
