"""A home as large as the app is to bear: 22,158 decks of 16 pages in 87 shards, with pictures.

.venv/bin/python -m bench.look.big_home FOLDER [--documents 22158]
"""

import argparse
import time
from pathlib import Path

from resources.store import Store
from testing.look_home import Size, write_look_home
from testing.overview_home import add_overview

DOCUMENTS = 22_158


def main() -> None:
    """Write the home and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    given = parser.parse_args()
    started = time.perf_counter()
    count = write_look_home(given.folder, Size(given.documents, pages=16, in_shard=256, images=200))
    add_overview(Store(given.folder))
    size = sum(path.stat().st_size for path in given.folder.rglob("*") if path.is_file())
    print(f"{count:,} segments, {size / 1e6:,.0f} MB, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
