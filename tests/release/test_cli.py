"""`lwv release` as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path

from testing.release_home import make_home

ROOT = Path(__file__).resolve().parents[2]


def release(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("LWV_", "HF_"))}
    return subprocess.run(
        [sys.executable, "-m", "lwv_dagster.cli", "release", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        env={**settings, "LWV_HOME": str(home), "COLUMNS": "120", **more},
    )


def test_it_writes_the_folder_shows_what_is_in_it_and_makes_it_anew(tmp_path: Path) -> None:
    make_home(tmp_path / "home")
    for _ in range(2):
        done = release(tmp_path / "home", "--format", "llamafactory")
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Left out" in done.stdout and "LLaMA-Factory ends every answer" in done.stdout
    assert "9 rows were written or corrected by the embedded model" in done.stdout
    assert (tmp_path / "home" / "releases" / "llamafactory" / "dataset_info.json").exists()


def test_out_names_another_folder_and_push_without_a_token_is_one_line_at_the_end(tmp_path: Path) -> None:
    make_home(tmp_path / "home")
    done = release(tmp_path / "home", "--out", str(tmp_path / "mine"), "--push", "me/data")
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-1].startswith("lwv release: HF_TOKEN is not set")
    assert (tmp_path / "mine" / "README.md").exists()


def test_without_a_data_set_it_is_one_line(tmp_path: Path) -> None:
    done = release(tmp_path / "home")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.strip().endswith("materialise `sft_dataset` first.")
    assert len(done.stdout.strip().splitlines()) == 1


def test_a_setting_that_cannot_be_used_is_one_line_that_names_it_and_nothing_is_written(tmp_path: Path) -> None:
    make_home(tmp_path / "home")
    done = release(tmp_path / "home", LWV_MAX_SIDE="abc")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("lwv release: LWV_MAX_SIDE must be a whole number of at least 56, is 'abc'")
    assert len(done.stdout.strip().splitlines()) == 1
    assert not (tmp_path / "home" / "releases").exists()


def test_what_the_data_was_made_with_is_in_the_data_so_the_recipe_and_servers_of_today_do_not_count(
    tmp_path: Path,
) -> None:
    make_home(tmp_path / "home")
    done = release(tmp_path / "home", LWV_RECIPE="no-such.toml", LWV_TEACHER_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 0, done.stdout + done.stderr
