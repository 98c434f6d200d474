"""A whole shard on a disk that fills at every step: it ends in words each time, and goes on to the same tables."""

from pathlib import Path

import pytest

from resources import home as homes
from tests.conftest import Factory, draw_unlike_decks, write_recipe
from tests.identity.test_stale import failures
from tests.preflight.test_full_disk import Sized, disk

__all__ = ["disk"]
SIZES = ("150k", "250k", "320k", "450k", "520k")


def contents(factory: Factory) -> dict[str, str]:
    """sha256 of the rows of each table."""
    paths = sorted((factory.home / "tables").glob("*/*.parquet"))
    return {path.parent.name: factory.store.content(path.parent.name, path.stem) for path in paths}


@pytest.mark.timeout(1800)
def test_a_disk_that_fills_at_any_step_costs_nothing_but_time(
    factory: Factory, disk: Sized, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes, "FLOOR_BYTES", 0)
    draw_unlike_decks(factory.sources / "talks")
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    (shard,) = factory.scan()
    assert factory.run("shard_job", shard).success
    expected = contents(factory)
    stopped_with = set[int]()
    for size in SIZES:
        factory.home = disk(size)
        monkeypatch.setenv("LWV_HOME", str(factory.home))
        factory.scan()
        ran = factory.run("shard_job", shard)
        if not ran.success:
            stopped_with.add(len(contents(factory)))
            assert "is full: free some space" in failures(ran)
    assert len(stopped_with) >= 3  # after another table each time
    disk("50m")
    assert factory.run("shard_job", shard).success
    assert contents(factory) == expected
