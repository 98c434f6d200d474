"""A document that was read is kept: a run that is killed goes on, and what it left behind is removed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from assets.quality.outcome import Context
from assets.source_images.catalog import Catalog
from assets.source_images.checks import pages_differ
from assets.source_images.ingest import IngestResult, ingest_shard, useless
from assets.source_images.reading.tasks import ReadPage
from assets.source_images.schema import SOURCE_IMAGES
from resources.settings import Settings
from resources.store import Store

ROOT = Path(__file__).resolve().parents[2]
# Reads a shard and writes its table; killed from outside.
RUN = """
import logging, sys
from pathlib import Path
from assets.source_images.catalog import Catalog
from assets.source_images.ingest import ingest_shard
from assets.source_images.schema import SOURCE_IMAGES
from resources.settings import Settings
from resources.store import Store
logging.basicConfig(level="INFO", stream=sys.stdout, format="%(message)s")
settings = Settings()
catalog, store = Catalog(settings.home, settings.sources, settings), Store(settings.home)
store.write_table(SOURCE_IMAGES, "c-001", ingest_shard("c-001", store, catalog, settings).rows)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "sources" / "c").mkdir(parents=True)
    return Settings(home=tmp_path / "home", sources=tmp_path / "sources", max_side=256, readers=1)


def draw(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (15, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((160, 120)).save(path)
    return path


def ingest(settings: Settings) -> tuple[IngestResult, list[dict[str, object]]]:
    catalog, store = Catalog(settings.home, settings.sources, settings), Store(settings.home)
    result = ingest_shard("c-001", store, catalog, settings)
    store.write_table(SOURCE_IMAGES, "c-001", result.rows)
    return result, list(store.rows(SOURCE_IMAGES, "c-001"))


def test_a_run_that_is_killed_goes_on_after_its_last_document_to_the_same_table(settings: Settings) -> None:
    for number in range(5):
        draw(settings.sources / "c" / f"{number}.png", number)
    Catalog(settings.home, settings.sources, settings).scan()
    environment = {**os.environ, "LWV_HOME": str(settings.home), "LWV_SOURCES": str(settings.sources)}
    environment |= {"LWV_MAX_SIDE": "256", "LWV_READERS": "1"}
    with subprocess.Popen([sys.executable, "-c", RUN], cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"2 of 5 documents" in line:
                break
        process.send_signal(signal.SIGKILL)
    left = settings.home / "images" / "00" / ".left.jpg.abcd"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 9,) * 2)
    result, rows = ingest(settings)
    assert result.pages_read <= 3
    assert not left.exists()
    other = settings.model_copy(update={"home": settings.home.with_name("unbroken")})
    Catalog(other.home, other.sources, other).scan()
    assert ingest(other)[1] == rows
    assert result.kept.folder.is_dir()
    result.kept.forget()
    assert not result.kept.folder.exists()


def test_what_was_kept_with_another_size_or_damaged_is_read_again(settings: Settings) -> None:
    for number in range(3):
        draw(settings.sources / "c" / f"{number}.png", number)
    Catalog(settings.home, settings.sources, settings).scan()
    result, rows = ingest(settings)
    files = sorted(result.kept.folder.iterdir())
    files[0].write_text("{")
    found = json.loads(files[1].read_text())
    files[1].write_text(json.dumps({**found, "max_side": 99}))
    Store(settings.home).table_path("source_images", "c-001").unlink()
    again, same = ingest(settings)
    assert same == rows
    assert again.pages_read == 0  # their texts are in this process's memory
    assert sorted(result.kept.folder.iterdir()) == files
    assert json.loads(files[1].read_text()) == found


def test_a_temporary_file_is_removed_when_its_writer_is_gone_and_not_before(tmp_path: Path) -> None:
    store = Store(tmp_path)
    target = tmp_path / "tables" / "source_images" / "c-001.parquet"
    with store.replacing(target) as mine:
        mine.write_bytes(b"rows")
        os.utime(mine, (time.time() - 99,) * 2)
        other = mine.with_name(".c-002.parquet.dead")
        other.write_bytes(b"half")
        assert store.sweep() == 0  # too young: its writer may be about to lock it
        os.utime(other, (time.time() - 99,) * 2)
        assert store.sweep() == 1
        assert mine.exists()
    assert target.read_bytes() == b"rows"


def page(number: int, image: str, blank: bool = False) -> ReadPage:
    return ReadPage(number, image, 40, 30, "pdfium", "0" * 16, "", "und", blank)


def test_a_document_without_anything_on_it_is_of_no_use_and_one_with_blank_backs_is() -> None:
    assert "only page" in useless([page(1, "a", blank=True)])
    assert "any of its 2 pages" in useless([page(1, "a", blank=True), page(2, "b", blank=True)])
    assert "all the same picture" in useless([page(number, "a") for number in (1, 2, 3)])
    assert useless([page(1, "a"), page(2, "a")]) == ""
    assert useless([page(1, "a"), page(2, "white", True), page(3, "b"), page(4, "white", True)]) == ""


def test_blank_and_repeated_pages_are_flagged_by_file_and_page(settings: Settings) -> None:
    frames = [Image.new("RGB", (200, 150), "white") for _ in range(4)]
    for number, frame in enumerate(frames):
        if number != 1:
            ImageDraw.Draw(frame).rectangle((20, 20, 20 + 40 * (number % 3), 90), fill="black")
    frames[0].save(settings.sources / "c" / "deck.tif", save_all=True, append_images=frames[1:])
    Catalog(settings.home, settings.sources, settings).scan()
    ingest(settings)
    store = Store(settings.home)

    outcome = pages_differ(Context(store, "c-001", store.read_table("source_images", "c-001")))
    assert outcome.metadata == {"checked": 4, "bad": 2}
    (document,) = {row["document_id"] for row in store.rows(SOURCE_IMAGES, "c-001")}
    assert [(each.id, each.why.partition(" ")[2]) for each in outcome.found] == [
        (f"{document} page 2", "is blank"),
        (f"{document} page 4", "same image as an earlier page of its document"),
    ]
