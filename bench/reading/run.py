"""Pages a second of reading sources: the samples, 40 scans as files, and the same 40 as one PDF.

    .venv/bin/python -m bench.reading.run

Each is scanned and read into a new home, in a process of its own, models loaded anew.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[2]
A4 = (1240, 1754)  # pixels at 150 dpi
READ = """
import json, time
start = time.perf_counter()
from assets.source_images.catalog import Catalog
from assets.source_images.ingest import ingest_shard
from assets.source_images.schema import SOURCE_IMAGES
from resources.settings import Settings
from resources.store import Store
settings = Settings().absolute()
catalog, store = Catalog(settings.home, settings.sources, settings), Store(settings.home)
imported = time.perf_counter()
catalog.scan()
scanned = time.perf_counter()
pages = 0
for shard in catalog.shards():
    pages += store.write_table(SOURCE_IMAGES, shard, ingest_shard(shard, store, catalog, settings).rows)
print(json.dumps({"pages": pages, "scan_s": scanned - imported, "read_s": time.perf_counter() - scanned}))
"""


def scan(number: int) -> Image.Image:
    """A page of print as a scanner gives it: grey, with grain."""
    draw = random.Random(number)
    page = Image.effect_noise(A4, 12).point(lambda level: min(255, level + 110))
    pen = ImageDraw.Draw(page)
    font = ImageFont.load_default(26)
    letters = "etaoinshrdlucmfwypvbgk"
    for line in range(36):
        words = " ".join("".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(11))
        pen.text((110, 120 + 42 * line), words, fill=30, font=font)
    return page


def read(sources: Path, home: Path) -> dict[str, float]:
    """Scan and read all of `sources`."""
    environment = {**os.environ, "LWV_HOME": str(home), "LWV_SOURCES": str(sources)}
    done = subprocess.run(
        [sys.executable, "-c", READ], cwd=Path.cwd(), env=environment, capture_output=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a line per source."""
    with tempfile.TemporaryDirectory() as folder:
        files, whole = Path(folder, "files", "c"), Path(folder, "pdf", "c")
        files.mkdir(parents=True)
        whole.mkdir(parents=True)
        pages = [scan(number) for number in range(40)]
        for number, page in enumerate(pages):
            page.save(files / f"{number:02d}.jpg", quality=85)
        pages[0].save(whole / "scan.pdf", save_all=True, append_images=pages[1:], resolution=150)
        for name, sources in (("samples", ROOT / "samples"), ("40 files", files.parent), ("a PDF of 40", whole.parent)):
            found = read(sources, Path(folder, f"home-{name}"))
            speed = found["pages"] / found["read_s"]
            print(
                f"{name}: {found['pages']:.0f} pages, scanned in {found['scan_s']:.1f} s, "
                f"read in {found['read_s']:.1f} s: {speed:.2f} pages/s",
                flush=True,
            )


if __name__ == "__main__":
    main()
