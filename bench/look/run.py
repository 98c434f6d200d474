"""How long the pages of `lwv look` take over HTTP on a large home, and how much memory the app takes.

    .venv/bin/python -m bench.look.big_home FOLDER      # once: 22,158 decks of 16 pages in 87 shards
    .venv/bin/python -m bench.look.run FOLDER

The app is started anew; `first` is the first request of that page, `again` the slowest of four
after it; CPU is what the app's process took of both cores meanwhile, whatever else the machine does.
"""

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import psutil

from assets.quality_report.overview import LATER
from assets.segments.schema import SEGMENTS
from resources.store import Store

START_S = 60.0
AGAIN = 4


@contextmanager
def served(home: Path) -> Iterator[tuple[http.client.HTTPConnection, psutil.Process]]:
    """The app over a home, as `lwv look` starts it, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lwv_dagster.cli", "look", "--port", str(port)]
    with subprocess.Popen(command, env={**os.environ, "LWV_HOME": str(home)}, stdout=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + START_S
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if time.monotonic() > until or process.poll() is not None:
                        raise
                    time.sleep(0.05)
            yield http.client.HTTPConnection("127.0.0.1", port, timeout=60), psutil.Process(process.pid)
        finally:
            process.terminate()


def ask(connection: http.client.HTTPConnection, address: str, body: Mapping[str, object] | None = None) -> str:
    """The answer; a page that is none raises."""
    data = json.dumps(body).encode() if body else None
    connection.request("POST" if body else "GET", address, data, {"content-type": "application/json"} if body else {})
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    if answer.status != 200:
        raise RuntimeError(f"{address}: {answer.status} {text[:300]}")
    return text


def main() -> None:
    """Print a line per page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    home = parser.parse_args().folder
    with served(home) as (connection, process):
        ask_timed(connection, process, "overview", ["/overview"])
        for part in LATER:
            ask_timed(connection, process, f"overview, {part}", [f"/overview/{part}"])
        ask_timed(connection, process, "what breaks a rule", ["/violations?check=long_outputs.length_near"])
        worst = ask_timed(connection, process, "queue, worst first", ["/queue"])
        items = re.findall(r'data-id="([^"]+)" data-shard="([^"]+)" data-state', worst)
        ask_timed(connection, process, "queue, undecided", ["/queue?decided=no"])
        ask_timed(connection, process, "next segment", [f"/queue/item/{shard}/{name}" for name, shard in items[1:6]])
        ask_timed(connection, process, "filters", ["/queue/filters"])
        for name, query in {
            "page 4,000": {"offset": 200_000},
            "by words": {"sort": "-words"},
            "by cost, page 2,000": {"sort": "-cost_usd", "offset": 100_000},
            "one shard": {"shard": "lectures-005"},
            "a rule": {"rule": "long_outputs.text_present"},
            "a part, by the critic's change": {"part": "numbers", "sort": "-edit_share"},
            "split, language, model, kind of error": {
                "split": "preference",
                "language": "zh",
                "model": "teacher-small",
                "error": "factual",
            },
            "search of all texts": {"q": "garden morning letter"},
            "search by id": {"q": items[10][0][:16]},
        }.items():
            ask_timed(connection, process, name, [f"/queue?{urlencode(query)}"])
        decisions(connection, process, home, worst)


def decisions(connection: http.client.HTTPConnection, process: psutil.Process, home: Path, page: str) -> None:
    """What a decision would do: of the preference split, whose pairs are made for it."""
    page = ask(connection, "/queue?split=preference")
    found = re.findall(r'data-id="([^"]+)" data-shard="([^"]+)" data-state', page)[:5]
    bodies = []
    for name, shard in found:
        item = ask(connection, f"/queue/item/{shard}/{name}")
        [seen] = re.findall(r'data-seen="([0-9a-f]+)"', item)
        [row] = Store(home).rows_where(SEGMENTS, shard, "segment_id", [name])
        text = f"{row['text']} And so on."
        line = {"kind": "segment", "target": name, "shard": shard, "seen": seen, "known": "", "who": "Bench"}
        bodies.append({**line, "verdict": "corrected", "text": text, "errors": ["missing"], "against": row["text"]})
    ask_timed(connection, process, "what a correction does", ["/queue/foresee"] * len(bodies), bodies)


def ask_timed(
    connection: http.client.HTTPConnection,
    process: psutil.Process,
    what: str,
    addresses: list[str],
    bodies: list[dict[str, object]] | None = None,
) -> str:
    """Ask and print; one address is asked again."""
    asked = addresses if len(addresses) > 1 else addresses * (1 + AGAIN)
    took, cpu, text = [], [], ""
    for number, address in enumerate(asked):
        started, busy = time.perf_counter(), process.cpu_times()
        text = ask(connection, address, bodies[number] if bodies else None)
        took.append(time.perf_counter() - started)
        now = process.cpu_times()
        cpu.append(now.user + now.system - busy.user - busy.system)
    size = process.memory_info().rss / 1e6
    print(
        f"{what:38} first {took[0]:6.3f} s ({cpu[0]:.2f} of CPU)   again {max(took[1:]):6.3f} s ({max(cpu[1:]):.2f})"
        f"   {size:5.0f} MB",
        flush=True,
    )
    return text


if __name__ == "__main__":
    main()
