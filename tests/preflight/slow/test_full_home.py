"""The whole demo on a disk that fills at any place: it ends in words, and goes on once there is room."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.store import Store
from tests.conftest import draw_unlike_decks, write_recipe
from tests.preflight.test_full_disk import DEMO, ROOT, Sized, disk

__all__ = ["disk"]
SIZES = ("1m", "3m", "6m")


def demo(folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LWV_", "DAGSTER_"))}
    env = {"LWV_HOME": str(home), "LWV_SOURCES": str(folder / "sources"), "LWV_RECIPE": write_recipe(folder)}
    return subprocess.run(
        [sys.executable, "-c", DEMO], cwd=ROOT, env={**inherited, **env}, capture_output=True, text=True, check=False
    )


def contents(home: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((home / "tables").glob("*/*.parquet")):
        yield path.parent.name, Store(home).content(path.parent.name, path.stem)


@pytest.mark.timeout(3600)
def test_a_disk_that_fills_anywhere_costs_nothing_but_time(disk: Sized, tmp_path: Path) -> None:
    draw_unlike_decks(tmp_path / "sources" / "talks")
    whole = demo(tmp_path, tmp_path / "whole")
    assert whole.returncode == 0, whole.stdout
    stopped = 0
    for size in SIZES:
        home = disk(size)
        found = demo(tmp_path, home)
        print(size, found.returncode, found.stdout[-600:])
        assert "Traceback" not in found.stdout  # of the training process it is in its log
        if found.returncode:
            stopped += 1
            assert "free some space" in found.stdout
    assert stopped >= 2
    last = demo(tmp_path, disk("400m"))
    assert last.returncode == 0, last.stdout
    assert dict(contents(home)) == dict(contents(tmp_path / "whole"))
