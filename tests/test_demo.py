"""`lwv demo` as a person runs it: a whole lineage from files to scores, and one clear line where it cannot be."""

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from starlette.responses import Response

from assets.source_images.catalog import Catalog
from lwv_dagster.demo import AssetTally, greet, show_assets
from resources.settings import Settings
from resources.store import Store
from testing.openai_server import failure, scripted_server
from testing.trails import missing_back, missing_forward
from tests.conftest import draw_deck, draw_page, write_recipe

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.slow


def demo(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("LWV_", "DAGSTER_"))}
    return subprocess.run(
        [sys.executable, "-m", "lwv_dagster.cli", "demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **settings,
            "LWV_HOME": str(folder / "home"),
            "LWV_SOURCES": str(folder / "sources"),
            "COLUMNS": "120",
            **env,
        },
    )


def documents(sources: Path) -> None:
    for subject in ("Rivers", "Engines"):  # crowded pages for few words: lines are left out, and the critic adds them
        for page in (1, 2):
            draw_page(
                sources / "talks" / subject.lower() / f"page-{page}.png",
                f"{subject}, part {page}",
                *(f"{subject} need the {thing} above all" for thing in ("springs", "valleys", "workers", "sun")),
                f"{subject} end in {page * 12} ways",
            )
    picture = Image.new("RGB", (640, 360), "teal")  # a document with no text at all
    picture.paste("gold", (0, 200, 640, 360))
    (sources / "pictures").mkdir(parents=True)
    picture.save(sources / "pictures" / "plain.png")
    draw_page(sources / "pictures" / "sign.png", "No swimming here", "The river is 12 metres deep")
    (sources / "pictures" / "broken.png").write_text("no picture")
    (sources / "pictures" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")


def test_the_lineage_runs_from_files_to_scores_and_again_in_a_moved_home_asks_and_trains_nothing(
    tmp_path: Path,
) -> None:
    documents(tmp_path / "sources")
    first = demo(tmp_path, LWV_RECIPE=write_recipe(tmp_path))
    assert first.returncode == 0, first.stdout + first.stderr
    assert "pictures/broken.png is not an image" in first.stdout
    home = tmp_path / "home"
    outputs = {
        row["document_id"]
        for shard in ("talks-001", "pictures-001")
        for row in pq.read_table(home / "tables" / "long_outputs" / f"{shard}.parquet").to_pylist()
    }
    assert len(outputs) == 4  # all but the broken one
    scores = pq.read_table(home / "scores" / "held_out" / "scores.parquet").to_pylist()
    assert {row["model"] for row in scores} == {"base", "sft", "dpo", "teacher"}
    assert all(row["judge"].startswith("embedded") for row in scores)  # honest labels
    for kind in ("sft", "dpo"):
        checkpoint = json.loads((home / "checkpoints" / kind / "current.json").read_text())["id"]
        assert json.loads((home / "checkpoints" / kind / checkpoint / "training.json").read_text())["embedded"] is True
    assert "embedded" in (home / "reports" / "index.html").read_text()

    assert "2 of 8 files were not read: 1 in quarantine, 1 .heic (not supported: export as JPEG)" in first.stdout

    moved = tmp_path / "moved"
    answers = {path.name: path.stat().st_mtime_ns for path in (home / "scores").rglob("answers-*.jsonl")}
    home.rename(moved)
    second = demo(tmp_path, LWV_RECIPE=write_recipe(tmp_path), LWV_HOME=str(moved))
    assert second.returncode == 0, second.stdout + second.stderr
    assert answers and answers == {path.name: path.stat().st_mtime_ns for path in moved.rglob("answers-*.jsonl")}
    assert "0 model calls made" in second.stdout
    assert second.stdout.count("training skipped") == 2
    assert missing_back(Store(moved)) == []
    assert [says for shard in ("talks-001", "pictures-001") for says in missing_forward(Store(moved), shard)] == []


def test_no_sources_is_one_line_that_says_where_to_put_them(tmp_path: Path) -> None:
    for made in (False, True):
        if made:
            (tmp_path / "sources").mkdir()
        result = demo(tmp_path)
        assert result.returncode == 2
        assert len(result.stdout.strip().splitlines()) == 1
        assert f"LWV_SOURCES={tmp_path / 'sources'}" in result.stdout
        assert not result.stderr


def test_a_home_inside_its_sources_is_one_line(tmp_path: Path) -> None:
    draw_page(tmp_path / "sources" / "talks" / "page.png", "Hello")
    result = demo(tmp_path, LWV_HOME=str(tmp_path / "sources" / "out"))
    assert (result.returncode, result.stderr) == (2, "")
    assert "lies inside LWV_SOURCES" in result.stdout and len(result.stdout.strip().splitlines()) == 1
    assert not (tmp_path / "sources" / "out").exists()


def test_what_comes_from_outside_is_printed_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = demo(tmp_path, LWV_SOURCES=str(tmp_path / "[/x]"))
    assert odd.returncode == 2
    assert f"LWV_SOURCES={tmp_path / '[/x]'} does not exist" in odd.stdout
    tally = defaultdict(AssetTally, source_images=AssetTally(notes=["gone: [/x] [red]"]))
    show_assets(Store(tmp_path / "[/home]"), tally)
    assert "source_images: gone: [/x] [red]" in capsys.readouterr().out


def test_the_headline_counts_what_is_there_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    settings = Settings(home=tmp_path / "home", sources=tmp_path / "sources")
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        draw_page(settings.sources / name, name)
    shutil.copy(settings.sources / "a/1.png", settings.sources / "a/1 (2).png")
    catalog = Catalog(settings.home, settings.sources, settings)
    for gone, says in (
        ("", "3 documents in 2 shards, "),
        ("b/3.png", "2 documents in 1 shard, "),
        ("a/2.png", "1 doc"),
    ):
        (settings.sources / (gone or "none")).unlink(missing_ok=True)
        catalog.scan()
        greet(settings, [])
        assert f"lwv demo  {says}" in capsys.readouterr().out


def test_a_base_url_without_a_model_is_one_line_that_names_the_setting(tmp_path: Path) -> None:
    documents(tmp_path / "sources")
    result = demo(tmp_path, LWV_JUDGE_BASE_URL="http://127.0.0.1:9/v1")
    assert result.returncode == 2
    assert "LWV_JUDGE_MODEL is not set" in result.stdout
    assert len(result.stdout.strip().splitlines()) == 1


def test_an_endpoint_without_its_key_stops_the_demo_before_its_first_document(tmp_path: Path) -> None:
    draw_deck(tmp_path / "sources" / "talks" / "rivers", "Rivers", 2)
    with scripted_server(lambda body: failure(401, "no key")) as server:
        result = demo(tmp_path, LWV_TEACHER_BASE_URL=server.url, LWV_TEACHER_MODEL="m")
    assert result.returncode == 2
    assert 'LWV_TEACHER_API_KEY is not set. It says: "no key"' in result.stdout
    assert not (tmp_path / "home" / "tables").exists()


def test_a_key_that_is_taken_away_stops_the_shard_in_one_line_and_leaves_no_table(tmp_path: Path) -> None:
    draw_deck(tmp_path / "sources" / "talks" / "rivers", "Rivers", 2)
    checked: list[bool] = []

    def answer(body: dict[str, Any]) -> Response | str:
        checked.append("# Step:" not in str(body["messages"]))
        return "The sea is 4721 years old." if checked[-1] else failure(401, "no key")

    with scripted_server(answer) as server:
        result = demo(tmp_path, LWV_TEACHER_BASE_URL=server.url, LWV_TEACHER_MODEL="m")
    assert any(checked)
    assert result.returncode == 1
    assert "long_outputs: The teacher at" in result.stdout
    assert "LWV_TEACHER_API_KEY is not set" in result.stdout
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "home" / "tables" / "long_outputs").exists()
    # The gate says what it waits for, and why.
    assert "1 shard pending: talks-001 (`long_outputs` failed: The teacher at" in result.stdout
    assert "evaluation_job" not in result.stdout  # there is nothing to score
    assert "✓ report_job" in result.stdout
