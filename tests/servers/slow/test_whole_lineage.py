"""The whole lineage on samples/ against servers as they are today: as many documents as from a plain one, paid once."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from assets.steps import steps_of
from resources.store import Store
from resources.text.thoughts import model_markup
from testing.personalities import PERSONALITIES
from testing.quirky_server import Quirk, QuirkyServer, quirky_server

pytestmark = pytest.mark.slow
ROLES = ("TEACHER", "CRITIC", "JUDGE")
MORE_CALLS = 5  # a role, for learning
PLAIN, *OTHERS = PERSONALITIES


def demo(server: QuirkyServer, home: Path) -> Counter[str]:
    """Run `lwv demo` to its end; returns how many calls each model got."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LWV_")}
    env |= {"LWV_HOME": str(home), "LWV_RECIPE": "embedded"}
    env |= {f"LWV_{role}_BASE_URL": server.url for role in ROLES}
    env |= {f"LWV_{role}_MODEL": f"model-{role.lower()}" for role in ROLES}
    before = len(server.seen.requests)
    ended = subprocess.run(
        [sys.executable, "-m", "lwv_dagster.cli", "demo"], env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    return Counter(body["model"] for body in server.seen.requests[before:])


def rows(home: Path) -> Mapping[str, int]:
    """Rows of each table of the shards, over all shards."""
    store = Store(home)
    return {
        name: sum(store.read_table(name, path.stem).num_rows for path in (home / "tables" / name).glob("*.parquet"))
        for name in steps_of("shard_job")
    }


def marked_files(home: Path) -> list[str]:
    """The training data sets' files that hold a mark of a model's thoughts."""
    files = [*home.glob("datasets/**/*.jsonl")]
    return [str(path) for path in files if model_markup(path.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mapping[str, int], Counter[str]]:
    home = tmp_path_factory.mktemp("plain")
    with quirky_server(PLAIN) as server:
        calls = demo(server, home)
    return rows(home), calls


@pytest.mark.parametrize("quirk", OTHERS, ids=lambda quirk: quirk.name)
def test_a_server_of_today_gives_what_a_plain_one_gives(
    quirk: Quirk, plain: tuple[Mapping[str, int], Counter[str]], tmp_path: Path
) -> None:
    plain_rows, plain_calls = plain
    with quirky_server(quirk) as server:
        calls = demo(server, tmp_path)
        assert rows(tmp_path) == plain_rows
        assert {
            model: calls[model] - plain_calls[model]
            for model in calls
            if calls[model] > plain_calls[model] + MORE_CALLS
        } == {}
        assert marked_files(tmp_path) == []
        assert demo(server, tmp_path) == {}
