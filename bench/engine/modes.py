"""Ours on the engine alone: what a call and an open sample cost, what prompt order saves, what faults leave behind."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from testing.engine.client import ROOT, server
from testing.engine.work import Speed

SLOTS = 16
COST_SLOTS = 64
PAGES = SECTIONS = 16
CACHE_TOKENS = 900_000  # about what an 80 GB card holds of a 7B model (docs/engine.md)
FAULT_SPEED = Speed(ttft=0.05, rate=800)


def run_ours(url: str, home: Path, samples: int, *arguments: str, **settings: str) -> dict[str, Any]:
    """What ours says of its run."""
    env = {**os.environ, "LWV_TEACHER_BASE_URL": url, "LWV_TEACHER_MODEL": "bench", "PYTHONPATH": str(ROOT), **settings}
    done = subprocess.run(
        [sys.executable, "-m", "testing.engine.writing", "--samples", str(samples), "--home", str(home), *arguments],
        cwd=ROOT,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def read_log(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def cost_mode(repeats: int) -> Iterator[str]:
    """CPU of a call and resident memory, where the server answers at once; what the start of the process takes (a run
    of one sample) is in the first number and not in the second."""
    yield f"## Cost of ours: no service time, {COST_SLOTS} slots"
    yield ""
    yield "| samples | images of a sample | calls | CPU ms/call | without the start | peak RSS MB |"
    yield "|---|---|---|---|---|---|"
    start_s = median(_cost_run(1, 0)["cpu_s"] for _ in range(repeats))
    for images in (0, 16):
        for samples in (250, 1000, 4000):
            runs = [_cost_run(samples, images) for _ in range(repeats)]
            calls, cpu_s = runs[0]["calls_made"], median(run["cpu_s"] for run in runs)
            yield (
                f"| {samples} | {f'{images} of 200 kB' if images else 'none'} | {calls} | "
                f"{cpu_s * 1000 / calls:.2f} | {(cpu_s - start_s) * 1000 / calls:.2f} | "
                f"{median(run['rss_mb'] for run in runs):.0f} |"
            )
    yield ""


def _cost_run(samples: int, images: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        # One section with images: 4 MB a call add up.
        server(COST_SLOTS, Speed(0, 0), Path(folder) / "log.jsonl", "--sections", "1" if images else "0") as url,
    ):
        return run_ours(
            url,
            Path(folder) / "home",
            samples,
            *("--sections", "1" if images else "0"),
            *("--images", str(images)),
            *("--image-bytes", str(200_000 if images else 0)),
            LWV_TEACHER_CONCURRENCY=str(COST_SLOTS),
        )


def cache_mode(samples: int, repeats: int) -> Iterator[str]:
    """The table of both prompt orders, with the window sized to the cache."""
    yield f"## Prefix cache: {samples} samples, {SLOTS} slots, {PAGES} pages of 1,200 tokens, {SECTIONS} sections"
    yield ""
    yield "| order | prefill tokens a sample | makespan s | calls |"
    yield "|---|---|---|---|"
    for order in ("append", "reference"):
        prefill, spans, calls = [], [], 0
        for _ in range(repeats):
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                log = Path(folder) / "log.jsonl"
                last = ["--images-last"] if order == "reference" else []
                with server(
                    SLOTS,
                    FAULT_SPEED,
                    log,
                    "--cache",
                    str(CACHE_TOKENS),
                    "--sections",
                    str(SECTIONS),
                    "--pages",
                    str(PAGES),
                    *last,
                ) as url:
                    run_ours(
                        url,
                        Path(folder) / "home",
                        samples,
                        "--order",
                        order,
                        "--sections",
                        str(SECTIONS),
                        "--images",
                        str(PAGES),
                        LWV_TEACHER_CONCURRENCY=str(SLOTS),
                        LWV_TEACHER_WINDOW="1.5",
                    )
                lines = read_log(log)
            calls = len(lines)
            prefill.append(sum(line["prefill"] for line in lines) / samples)
            spans.append(max(line["end"] for line in lines) - min(line["arrival"] for line in lines))
        yield f"| {order} | {median(prefill):,.0f} | {median(spans):.1f} | {calls} |"
    yield ""


def fault_mode(samples: int, repeats: int) -> Iterator[str]:
    """What became of every document, and where the limit settled; three times the slots are allowed."""
    yield (
        f"## Faults: {samples} samples, a server that takes {SLOTS} calls at once, {3 * SLOTS} allowed; 2 % 429, "
        "1 % 500, 0.5 % hanging, 1 % bad plans, 0.5 % refusals, 0.5 % cut"
    )
    yield ""
    yield "| written | in quarantine | bad sections | limit, mean of the second half | calls tried again | seconds |"
    yield "|---|---|---|---|---|---|"
    for _ in range(repeats):
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            server(SLOTS, FAULT_SPEED, Path(folder) / "log.jsonl", "--faults") as url,
        ):
            found = run_ours(
                url, Path(folder) / "home", samples, LWV_TEACHER_CONCURRENCY=str(3 * SLOTS), LWV_TEACHER_TIMEOUT_S="5"
            )
        quarantined = sum(
            count for name, count in found.items() if name.startswith("documents_") and name != "documents_done"
        )
        again = sum(count for name, count in found.items() if name.startswith("retried_"))
        yield (
            f"| {found['documents_done']} | {quarantined} | {found['bad_sections']} | {found['limit']} | {again} | "
            f"{found['seconds']:.0f} |"
        )
    yield ""
