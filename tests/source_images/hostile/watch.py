"""A scan and a reading of all that lies in a folder, in a process of its own, whose whole tree is watched."""

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import json, logging, sys, time
from assets.source_images.catalog import Catalog
from assets.source_images.ingest import ingest_shard
from assets.source_images.schema import SOURCE_IMAGES
from resources.settings import Settings
from resources.store import Store

logging.basicConfig(level="INFO", stream=sys.stderr)
settings = Settings().absolute()
catalog, store = Catalog(settings.home, settings.sources, settings), Store(settings.home)
start = time.monotonic()
catalog.scan()
scanned = time.monotonic() - start
found = {"scanned_s": scanned, "read": {}, "aside": {}}
for shard in catalog.shards():
    result = ingest_shard(shard, store, catalog, settings)
    store.write_table(SOURCE_IMAGES, shard, result.rows)
    for row in store.rows(SOURCE_IMAGES, shard):
        found["read"].setdefault(row["source_path"], []).append(row["page"])
    found["aside"] |= {row["item"]: row["reason"] for row in result.quarantined}
found["read_s"] = time.monotonic() - start - scanned
print(json.dumps(found))
"""


@dataclass
class Watched:
    """read: path -> pages; aside: path -> why. peak_mb: proportional memory of the whole tree; connections: of any
    process in it; left: processes and folders that are still there afterwards; log: what the process printed."""

    code: int
    read: dict[str, list[int]] = field(default_factory=dict)
    aside: dict[str, str] = field(default_factory=dict)
    scanned_s: float = 0.0
    read_s: float = 0.0
    peak_mb: float = 0.0
    connections: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    log: str = ""


def watched(sources: Path, home: Path, **settings: int) -> Watched:
    """Read `sources` into `home`; settings: `readers=2` is LWV_READERS=2."""
    temporary = home.parent / f"{home.name}.tmp"
    temporary.mkdir()
    environment = {
        **os.environ,
        "LWV_SOURCES": str(sources),
        "LWV_HOME": str(home),
        "TMPDIR": str(temporary),
        **{f"LWV_{name.upper()}": str(value) for name, value in settings.items()},
    }
    log, out = home.parent / f"{home.name}.log", home.parent / f"{home.name}.json"
    with log.open("wb") as errors, out.open("wb") as answers:
        process = psutil.Popen([sys.executable, "-c", CODE], cwd=ROOT, env=environment, stdout=answers, stderr=errors)
        peak, connections, seen = 0.0, set[str](), set[psutil.Process]()
        while process.poll() is None:
            tree = [process, *_children(process)]
            seen |= set(tree[1:])
            peak = max(peak, sum(map(_memory, tree)))
            connections |= {found for member in tree for found in _connections(member)}
            time.sleep(0.2)
    time.sleep(1)
    left = [f"process {one.pid}" for one in seen if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    found = json.loads(out.read_bytes() or b"{}")
    return Watched(
        process.returncode,
        peak_mb=peak / 1e6,
        connections=connections,
        left=left + [path.name for path in temporary.iterdir()],
        log=log.read_text(errors="replace"),
        **found,
    )


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def _connections(process: psutil.Process) -> list[str]:
    try:
        return [str(found) for found in process.net_connections("inet")]
    except psutil.Error:
        return []
