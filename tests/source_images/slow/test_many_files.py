"""100,000 files: how long the scan and the account take, and what memory they need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from testing.source_documents import picture

ROOT = Path(__file__).resolve().parents[3]
MOST_S = 60  # of this process on a CPU: what else runs here does not count
MOST_MB_MORE = 250  # for 100,000 documents over 1,000: the register's entries are in memory, the rows are not
SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from assets.source_files.account import account
from assets.source_files.schema import SOURCE_FILES
from assets.source_images.catalog import Catalog
from resources.settings import Settings
from resources.store import Store

home, sources = map(Path, sys.argv[1:])
times = {}


def timed(what, work):
    begun, spent = time.monotonic(), time.process_time()
    result = work()
    times[what] = time.process_time() - spent
    times[f"{what}_wall"] = time.monotonic() - begun
    return result


catalog = Catalog(home, sources, Settings(home=home, sources=sources))
timed("first", catalog.scan)
timed("second", catalog.scan)
rows = timed("account", lambda: Store(home).write_table(SOURCE_FILES, "all", account(catalog, Store(home))))
mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
print(json.dumps({**times, "rows": rows, "mb": mb}))
"""


def fill(sources: Path, count: int) -> None:
    """Half of the files are images on their own, a quarter pages of folders, a quarter nothing that is read."""
    jpeg = picture(sources.parent / "one.jpg", (64, 48)).read_bytes()
    for number in range(count):
        part, kind = number // 10_000, number % 4
        if kind < 2:
            path = sources / f"photos-{part}" / f"IMG_{number:06d}.jpg"
        elif kind == 2:
            path = sources / f"scans-{part}" / f"book-{number // 400:04d}" / f"page-{number % 400:03d}.jpg"
        else:
            path = sources / f"photos-{part}" / f"IMG_{number:06d}.heic"
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
        path.write_bytes(jpeg + str(number).encode() if kind < 3 else b"\0\0\0\x18ftypheic")


def measured(folder: Path, count: int) -> dict[str, float]:
    fill(folder / "sources", count)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder / "home", folder / "sources"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    print(count, found)
    return found


@pytest.mark.timeout(900)
def test_a_hundred_thousand_files_are_scanned_within_a_minute_and_memory_stays_flat(tmp_path: Path) -> None:
    few, many = measured(tmp_path / "few", 1_000), measured(tmp_path / "many", 100_000)
    assert many["rows"] == 100_000
    assert many["first"] < MOST_S and many["second"] < MOST_S / 4 and many["account"] < MOST_S
    assert many["mb"] - few["mb"] < MOST_MB_MORE
