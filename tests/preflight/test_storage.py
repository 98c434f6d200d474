"""The store itself: a ledger, a database, a home that cannot be used is one sentence with a remedy."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lwv_dagster.instance import open_instance
from resources.failures import LedgerError, StorageError
from resources.home import FLOOR_BYTES, no_room, require_home
from resources.ledger import Ledger
from resources.storage_faults import databases, is_sound, storage, why

RANDOM = bytes(range(256)) * 64
ODD = 'a b#c 50% d&e=f übung 作品 it\'s "q" [1] $HOME;g*'
LONG = "x" * 300


def test_a_home_with_an_odd_name_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # as if unset, and set back afterwards
    home = tmp_path / ODD / "home"
    require_home(home)
    with closing(Ledger.at(home)) as ledger:
        ledger.put_profile("key", "http://a", "m", "{}")
    with open_instance(home) as instance:
        assert instance.get_runs_count() == 0
    assert (home / "calls.db").is_file() and (home / "dagster" / "history" / "runs.db").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [ODD]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("why?", "has a `\\?` in its path"),
        ("%41", "has a `%41` in its path"),
        ("a\nb", "no path should have"),
        (LONG, "is too long for a path here"),
    ],
)
def test_a_name_that_no_home_can_have_is_refused(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # as if unset, and set back afterwards
    with pytest.raises(StorageError, match=says) as caught:
        require_home(tmp_path / name)
    assert "LWV_HOME" in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(StorageError, match=f"{tmp_path / 'file'} is a file: LWV_HOME must name a folder"):
            require_home(home)


@pytest.mark.parametrize("damage", ["random bytes", "a folder", "a page in the middle"])
def test_a_damaged_ledger_is_one_sentence_that_says_what_is_lost(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    with closing(Ledger.at(tmp_path)) as ledger:
        for number in range(300):
            ledger.put_profile(f"key-{number:03}", "http://a", "m", "x" * 500)
    for log in tmp_path.glob("calls.db-*"):
        log.unlink()
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    elif damage == "random bytes":
        path.write_bytes(RANDOM)
    else:
        data = path.read_bytes()
        path.write_bytes(data[:8192] + RANDOM * 4 + data[8192 + 4 * len(RANDOM) :])

    def use() -> None:
        with closing(Ledger.at(tmp_path)) as ledger:
            for number in range(300):
                ledger.get_profile(f"key-{number:03}")
                ledger.put_profile(f"new-{number:03}", "http://a", "m", "{}")

    with pytest.raises(LedgerError) as caught:
        use()
    says = str(caught.value)
    assert f"{path} is damaged: restore it from a backup, or move it away (answered calls are then asked" in says
    assert "sqlalchemy" not in says and "\n" not in says


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
def test_a_damaged_database_of_dagster_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # as if unset, and set back afterwards
    open_instance(tmp_path).dispose()
    assert len(databases(tmp_path)) == 3 and all(map(is_sound, databases(tmp_path)))
    path = tmp_path / "dagster" / name
    for log in path.parent.glob(f"{path.name}-*"):
        log.unlink()
    path.write_bytes(RANDOM)
    attempts = (require_home, open_instance) if name == "history/runs.db" else (require_home,)
    for attempt in attempts:
        with pytest.raises(StorageError) as caught:
            attempt(tmp_path)
        assert str(caught.value) == (
            f"{path} is damaged: restore it from a backup, or move it away (Dagster's list of past runs is then "
            "empty, tables and answers are not touched)."
        )


def test_a_home_that_may_only_be_read_is_refused(read_only: Path) -> None:
    for attempt in (require_home, Ledger.at):
        with pytest.raises(StorageError, match="cannot be written") as caught:
            attempt(read_only)  # type: ignore[operator]
        assert "set LWV_HOME to a folder of your own" in str(caught.value)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A home with a ledger, on a disk that may only be read."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    Ledger.at(folder).close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_room_is_asked_for_before_anything_begins() -> None:
    assert no_room(Path("/h"), FLOOR_BYTES) is None
    assert no_room(Path("/h"), 12_000_000) == (
        "The disk of /h has 12 MB left, and 200 MB are needed before anything begins: free some space, or set "
        "LWV_HOME to another disk."
    )


def test_what_is_no_fault_of_a_disk_goes_on_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError), storage(tmp_path):
        raise KeyError("a")
    assert why(FileNotFoundError(2, "No such file", "x"), tmp_path) is None


def test_a_place_that_is_none_of_the_homes_is_no_matter_of_lwv_home() -> None:
    for place, own in (("/h/tables/a", True), ("/sources/a.pdf", False)):
        says = why(PermissionError(13, "Permission denied", place), Path("/h"))
        assert says is not None and says.startswith(f"{place} cannot be written or read (Permission denied): ")
        assert ("LWV_HOME" in says) == own


def test_the_fault_is_found_behind_other_errors(tmp_path: Path) -> None:
    outer = RuntimeError("outer")
    outer.__cause__ = OSError(28, "No space left on device", "/h/tables/a.parquet")
    says = why(outer, tmp_path)
    assert says is not None and says.startswith("The disk of /h/tables/a.parquet is full: free some space")


def test_a_database_that_is_held_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    Ledger.at(tmp_path).close()
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, timeout=0)) as other:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("BEGIN EXCLUSIVE")
        assert "is held by another process" in str(why(caught.value, tmp_path))
        assert is_sound(path)


@pytest.mark.parametrize("data", [RANDOM, b"storage: 3\n", b"a: [\n"])
def test_a_dagster_yaml_that_cannot_be_used_is_one_sentence(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # as if unset, and set back afterwards
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_bytes(data)
    with pytest.raises(StorageError) as caught:
        open_instance(tmp_path)
    assert "dagster.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_dagster_home_that_is_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "/dev/null/x")
    with pytest.raises(StorageError, match="/dev/null is a file: DAGSTER_HOME must name a folder, is /dev/null/x"):
        require_home(tmp_path)


def test_a_relative_dagster_home_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "here/dagster")
    require_home(tmp_path / "home")
    with open_instance(tmp_path / "home") as instance:
        assert instance.get_runs_count() == 0
    assert (tmp_path / "here" / "dagster" / "history" / "runs.db").exists()


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("tables/long_outputs/talks-001.parquet", "materialise `long_outputs` for shard `talks-001` again"),
        ("tables/quarantine/segments/talks-001.parquet", "materialise `segments` for shard `talks-001` again"),
        ("datasets/sft/current.json", "delete it, and materialise `sft_dataset` again"),
        ("datasets/preference/0123/train.parquet", "delete it, and materialise `preference_dataset` again"),
        ("checkpoints/dpo/current.json", "delete it, and materialise `dpo_checkpoint` again"),
        ("scores/held_out/summary.json", "delete it, and materialise `benchmark_scores` again"),
        ("reports/quality/segments/talks-001.json", "delete it, and run the checks again that wrote it"),
    ],
)
def test_a_damaged_file_is_found_and_said_with_what_makes_it_again(name: str, again: str, tmp_path: Path) -> None:
    """JSON and Parquet that cannot be read name no file."""
    pq.write_table(pa.table({"a": [1]}), tmp_path / "good.parquet")
    for other in ("tables/segments/a-001", "datasets/sft/0123/train"):
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "good.parquet").rename(tmp_path / f"{other}.parquet")
        pq.write_table(pa.table({"a": [1]}), tmp_path / "good.parquet")
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for data in (RANDOM, b""):
        path.write_bytes(data)
        with pytest.raises((ValueError, OSError)) as caught:
            json.loads(path.read_bytes()) if path.suffix == ".json" else pq.read_table(path)
        assert why(caught.value, tmp_path) == f"{path} is damaged: {again}."
    path.unlink()
    assert why(caught.value, tmp_path) is None
