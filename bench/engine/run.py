"""`make bench-engine`: a server and a client process per run, and what the server's log says of it."""

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.engine.work import Speed, lower_bound, total_calls

RESULTS = Path(__file__).with_name("RESULTS.md")


@contextmanager
def server(slots: int, speed: Speed, log: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.engine.server", "--port", str(port), "--slots", str(slots),
                                "--ttft", str(speed.ttft), "--rate", str(speed.rate), "--log", str(log)])
    url = f"http://127.0.0.1:{port}/v1"
    try:
        deadline = time.monotonic() + 20
        while not answers(url):
            if time.monotonic() > deadline:
                raise TimeoutError("the benchmark's server did not start")
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def measure(samples: int, slots: int, speed: Speed) -> dict[str, float]:
    """One run of the engine alone. Ratios are over the lower bound; makespan is the log's, wall the process's."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, \
            server(slots, speed, Path(folder) / "log.jsonl") as url:
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "bench.engine.ours", "--url", url, "--samples", str(samples),
                               "--slots", str(slots), "--home", folder], check=True, capture_output=True, text=True)
        wall = time.monotonic() - started
        log: list[dict[str, Any]] = [json.loads(line) for line in
                                     (Path(folder) / "log.jsonl").read_text().splitlines()]
    client = json.loads(done.stdout)
    distinct = len({(call["sample"], call["step"]) for call in log})
    if distinct != total_calls(samples):
        raise RuntimeError(f"{distinct} of {total_calls(samples)} calls arrived")
    bound = lower_bound(samples, slots, speed)
    makespan = max(call["end"] for call in log) - min(call["arrival"] for call in log)
    return {"bound_s": bound, "makespan": makespan / bound,
            "wall": wall / bound, "calls": len(log), "twice": len(log) - distinct,
            "cpu_ms": client["cpu_s"] * 1000 / len(log), "rss_mb": client["rss_mb"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["96x16"], help="samples x slots, as 1000x64")
    options = parser.parse_args()
    speed = Speed()
    lines = ["# The writing engine alone, window 1.5 S", "",
             f"Medians of {options.repeats}; TTFT {speed.ttft} s, {speed.rate:.0f} tokens/s a slot; "
             f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores. "
             "Ratios are over the lower bound. CPU counts the client's start-up.", "",
             "| samples | slots | bound s | makespan | range | wall | calls | paid twice | CPU ms/call | RSS MB |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for size in options.sizes:
        samples, slots = map(int, size.split("x"))
        runs = [measure(samples, slots, speed) for _ in range(options.repeats)]
        middle = {name: median(run[name] for run in runs) for name in runs[0]}
        spans = [run["makespan"] for run in runs]
        lines.append(f"| {samples} | {slots} | {middle['bound_s']:.1f} | {middle['makespan']:.3f} | "
                     f"{min(spans):.3f} to {max(spans):.3f} | {middle['wall']:.3f} | {middle['calls']:.0f} | "
                     f"{middle['twice']:.0f} | {middle['cpu_ms']:.2f} | {middle['rss_mb']:.0f} |")
        print(lines[-1], flush=True)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
