"""`lwv demo` and `lwv check` look at everything before any work: a run that cannot succeed does not begin."""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.exc import OperationalError

from lwv_dagster import preflight
from lwv_dagster.cli import main
from lwv_dagster.disk_need import Material, material, page_bytes, too_little, training_bytes
from resources.settings import Settings
from testing.openai_server import scripted_server
from tests.conftest import draw_page, write_recipe

ROOT = Path(__file__).resolve().parents[2]
RANDOM = bytes(range(256)) * 64


Command = Callable[..., Result]


@pytest.fixture
def lwv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process, on one picture."""
    draw_page(tmp_path / "sources" / "signs" / "sign.png", "No swimming here")
    monkeypatch.setenv("DAGSTER_HOME", "")  # as if unset, and set back afterwards
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LWV_SOURCES", str(tmp_path / "sources"))

    def run(command: str, **env: str) -> Result:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, command.split())

    return run


def test_all_that_is_wrong_is_said_before_any_work(tmp_path: Path) -> None:
    """In a process of its own, as a person runs it."""
    draw_page(tmp_path / "sources" / "signs" / "sign.png", "No swimming here")
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("LWV_", "DAGSTER_"))},
        "LWV_HOME": str(tmp_path / "home"),
        "LWV_SOURCES": str(tmp_path / "sources"),
        "LWV_RECIPE": write_recipe(tmp_path, "[writing]\nbnd = 3\n[mix]\nsize = 0\n"),
        "LWV_STUDENT": "/models/nothing",
        "LWV_JUDGE_BASE_URL": "x",
        "LWV_HOEM": "y",
    }
    found = subprocess.run(
        [sys.executable, "-m", "lwv_dagster.cli", "demo"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (found.returncode, found.stderr) == (2, "")
    for says in (
        "LWV_HOEM is no setting and does nothing: did you mean LWV_HOME?",
        "lwv demo cannot start:",
        "line 7, [writing]: `bnd` is no field of it; did you mean `band`?",
        "line 9, [mix]: `size` must be a whole number of at least 1, is 0",
        "LWV_STUDENT=/models/nothing does not exist",
        "LWV_JUDGE_MODEL is not set",
    ):
        assert says in found.stdout
    assert not (tmp_path / "home" / "catalog.jsonl").exists()  # nothing was looked at


def spoil(folder: Path, kind: str) -> dict[str, str]:
    home = folder / "home"
    home.mkdir()
    if kind == "calls.db of random bytes":
        (home / "calls.db").write_bytes(RANDOM)
    elif kind == "calls.db a folder":
        (home / "calls.db").mkdir()
    elif kind == "a database of Dagster of random bytes":
        (home / "dagster" / "history").mkdir(parents=True)
        (home / "dagster" / "history" / "runs.db").write_bytes(RANDOM)
    elif kind == "catalog.jsonl of random bytes":
        (home / "catalog.jsonl").write_bytes(RANDOM)
    elif kind == "prices of random bytes":
        (folder / "prices.toml").write_bytes(RANDOM)
        return {"LWV_PRICES": str(folder / "prices.toml")}
    elif kind == "prices a pipe":
        os.mkfifo(folder / "prices.toml")
        return {"LWV_PRICES": str(folder / "prices.toml")}
    elif kind == "a home with a question mark":
        return {"LWV_HOME": str(folder / "what?")}
    elif kind == "a home too long":
        return {"LWV_HOME": str(folder / ("x" * 300))}
    elif kind == "a home that is a file":
        (folder / "file").touch()
        return {"LWV_HOME": str(folder / "file")}
    return {}


SPOILT = {
    "calls.db of random bytes": "calls.db is damaged",
    "calls.db a folder": "calls.db is damaged",
    "a database of Dagster of random bytes": "runs.db is damaged",
    "catalog.jsonl of random bytes": "catalog.jsonl cannot be read",
    "prices of random bytes": "LWV_PRICES",
    "prices a pipe": "(LWV_PRICES) cannot be read: it is no file",
    "a home with a question mark": "has a `?` in its path",
    "a home too long": "is too long for a path here",
    "a home that is a file": "LWV_HOME must name a folder",
}


@pytest.mark.parametrize("kind", SPOILT)
def test_a_store_that_cannot_be_used_is_one_sentence_and_exit_code_2(kind: str, lwv: Command, tmp_path: Path) -> None:
    found = lwv("demo", **spoil(tmp_path, kind))
    assert (found.exit_code, type(found.exception)) == (2, SystemExit)
    assert len(found.output.strip().splitlines()) == 1
    assert found.output.startswith("lwv demo cannot start: ") and SPOILT[kind] in found.output


def test_the_check_prints_the_same_list_and_asks_every_address(lwv: Command) -> None:
    with scripted_server(lambda body: "4721", {"data": [{"id": "m", "max_model_len": 4096}]}) as good:
        url = good.url
        found = lwv(
            "check --wait 5",
            LWV_TEACHER_BASE_URL=f"{url}, http://127.0.0.1:9/v1",
            LWV_TEACHER_MODEL="m",
            LWV_TEACHER_STARTUP_S="0",
        )
    assert (found.exit_code, type(found.exception)) == (1, SystemExit)
    for name in ("home", "sources", "recipe", "teacher", "critic", "judge", "student", "disk"):
        assert f"✓ {name}" in found.output
    assert f"m at {url}" in found.output and "m at http://127.0.0.1:9/v1" in found.output
    assert "the largest deck of the recipe: it needs at least" in found.output
    assert "lower `instructions.chapter_pages` to" in found.output
    assert found.output.count("✗ The teacher at") == 1 and "cannot be reached" in found.output


def test_a_check_asks_servers_though_the_student_is_not_there_yet(lwv: Command) -> None:
    found = lwv("check", LWV_STUDENT="/models/nothing")
    assert found.exit_code == 2
    assert "✗ student" in found.output and "there is no server to check" in found.output


def test_what_fails_in_the_middle_of_a_command_is_one_sentence_too(
    lwv: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> int:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr("lwv_dagster.demo.run_demo", fails)
    found = lwv("demo")
    assert (found.exit_code, type(found.exception)) == (2, SystemExit)
    assert found.output.startswith(f"lwv demo: The disk of {tmp_path / 'home'} is full: free some space")


def test_the_look_takes_under_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_page(tmp_path / "sources" / "signs" / "sign.png", "No swimming here")
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LWV_SOURCES", str(tmp_path / "sources"))
    started = time.monotonic()
    assert {found.grade for found in preflight.preflight()} <= {"good", "warning"}
    assert time.monotonic() - started < 2


def test_the_disk_that_is_needed_is_guessed_by_pages_and_weights(tmp_path: Path) -> None:
    for name, size in {"a.png": 5, "b.JPG": 6, "deck.pdf": 600_000, "deck.pptx": 9, "notes.txt": 5}.items():
        (tmp_path / name).write_bytes(b"\0" * size)
    (tmp_path / "loop").symlink_to(tmp_path)
    found = material(Settings(sources=tmp_path))
    assert found == Material(2, found.documents) and sorted(found.documents) == [9, 600_000]
    half = Settings(max_side=512)
    assert page_bytes(found, half) == page_bytes(found, Settings()) // 4 == 13 * 250_000 // 4
    assert page_bytes(Material(0, (300_000_000,)), Settings()) == 0  # too large to be read at all
    assert training_bytes(1000, 0) > training_bytes(1000, 8) > training_bytes(None, 0) == 0


def test_the_check_counts_what_would_be_read(lwv: Command, tmp_path: Path) -> None:
    signs = tmp_path / "sources" / "signs"
    for name in (".hidden.png", "~$deck.pptx", "._sign.png", ".git/x.pdf", "empty.png", "notes.txt"):
        (signs / name).parent.mkdir(exist_ok=True)
        (signs / name).write_bytes(b"" if "empty" in name else b"x")
    (signs / "dead.pdf").symlink_to("nowhere.pdf")
    (signs / "out.png").symlink_to(ROOT / "README.md")
    (signs / "in.png").symlink_to("sign.png")
    shutil.copy(signs / "sign.png", signs / "sign (1).png")
    assert f"{tmp_path / 'sources'}: 1 image file, 0 PDF or PPTX files to read" in lwv("check").output
    for page in (1, 2):
        draw_page(signs / "deck" / f"page-{page}.png", f"Page {page}")
    (signs / "deck" / "far").mkdir()
    (signs / "deck" / "far" / "x.pdf").write_bytes(b"%PDF-1.7")
    assert "3 image files, 1 PDF or PPTX file to read" in lwv("check").output


def test_a_disk_with_less_than_is_needed_is_warned_of() -> None:
    assert too_little({"pages": 10, "checkpoints": 5}, 15) is None
    says = too_little({"pages": 2_000_000_000, "checkpoints": 0}, 1_500_000_000)
    assert says is not None and "up to 2.0 GB may be needed (2.0 GB for pages), and 1.5 GB are free" in says
