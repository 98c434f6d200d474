"""A disk that fills in the middle: one sentence, nothing half-written, and after room was made the same tables."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lwv_dagster.cli import main
from resources import home as homes
from tests.conftest import Factory, draw_page
from tests.identity.test_stale import failures

ROOT = Path(__file__).resolve().parents[2]
TABLES = ("source_images", "instructions")
# The command, but for the room that it asks for before it begins.
DEMO = """
from resources import home
home.FLOOR_BYTES = 0
from lwv_dagster.cli import main
main(["demo"])
"""
Sized = Callable[[str], Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Sized]:
    """Makes, or resizes, a small disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False

    def sized(size: str) -> Path:
        nonlocal mounted
        option = f"remount,size={size}" if mounted else f"size={size}"
        command = ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a small file system needs root")
        mounted = True
        return folder

    yield sized
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def pictures(folder: Path) -> None:
    for number in range(3):
        draw_page(folder / "signs" / f"sign-{number}.png", f"Sign number {number}", f"It is {number} metres high")


def test_a_disk_that_fills_while_pages_are_written_loses_nothing(
    factory: Factory, disk: Sized, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes, "FLOOR_BYTES", 0)
    pictures(factory.sources)
    (shard,) = factory.scan()
    assert factory.run("shard_job", shard, list(TABLES)).success
    expected = {table: factory.store.content(table, shard) for table in TABLES}

    images = sum(path.stat().st_size for path in (factory.home / "images").rglob("*.jpg"))
    small = disk(f"{images // 2048 + 8}k")  # the catalogue, and half of the pages
    monkeypatch.setenv("LWV_HOME", str(small))
    factory.home = small
    factory.scan()
    first = factory.run("shard_job", shard, ["source_images"])
    assert not first.success and not factory.store.has_table("source_images", shard)
    says = failures(first)
    assert f"The disk of {small}" in says and "is full: free some space" in says and "\n" not in says
    assert not list(small.rglob(".*.jpg.*")) and not list(small.rglob(".*.parquet.*"))  # nothing half-written
    disk("50m")
    assert factory.run("shard_job", shard, list(TABLES)).success
    assert {table: factory.store.content(table, shard) for table in TABLES} == expected


def test_a_home_with_a_few_mb_left_ends_the_demo_in_words(disk: Sized, tmp_path: Path) -> None:
    pictures(tmp_path / "sources")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LWV_", "DAGSTER_"))}
    places = {"LWV_HOME": str(disk("1m")), "LWV_SOURCES": str(tmp_path / "sources")}
    found = subprocess.run(
        [sys.executable, "-c", DEMO], cwd=ROOT, env={**inherited, **places}, capture_output=True, text=True, check=False
    )
    assert found.returncode in (1, 2)
    assert f"The disk of {tmp_path / 'disk'}" in found.stdout and "is full: free some space" in found.stdout
    assert "Traceback" not in found.stdout + found.stderr


def test_the_demo_does_not_begin_on_a_disk_without_room(
    disk: Sized, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(tmp_path / "sources")
    monkeypatch.setenv("LWV_HOME", str(disk("9m")))
    monkeypatch.setenv("LWV_SOURCES", str(tmp_path / "sources"))
    found = CliRunner().invoke(main, ["demo"])
    assert found.exit_code == 2
    assert "MB left, and 200 MB are needed before anything begins" in found.output
