"""`make bench-engine`: a server and a client process per run, and what the server's log says of it."""

import argparse
import json
import os
import platform
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.engine.modes import cache_mode, cost_mode, fault_mode
from bench.engine.tools import TOOLS, Tool
from testing.engine.client import ROOT, server
from testing.engine.work import Speed, lower_bound, total_calls

START_UP_S = 20.0
MODES = ["cost", "cache", "faults", "plain"]
RESULTS = Path(__file__).with_name("RESULTS.md")
LIMIT = 2.5  # a run that takes so many times the bound is stopped, reported as such and not repeated


@dataclass(frozen=True)
class Size:
    """samples, slots, and how much faster than `Speed()` the server is, so that runs take about a minute."""

    samples: int
    slots: int
    faster: float = 1.0

    @classmethod
    def parse(cls, text: str) -> "Size":
        """`1000x16` or `1000x16@4`."""
        size, _, faster = text.partition("@")
        samples, slots = map(int, size.split("x"))
        return cls(samples, slots, float(faster or 1))

    @property
    def speed(self) -> Speed:
        return Speed(Speed().ttft / self.faster, Speed().rate * self.faster)


def calls_at_once(slots: int) -> int:
    """What every tool may send: a quarter more than the slots waits at the server, so that none is idle for the
    milliseconds that a tool takes between an answer and the next call."""
    return slots + slots // 4


def environment(tool: Tool, url: str, slots: int) -> dict[str, str]:
    """What every tool is given; the peers' own telemetry and downloads are off."""
    libraries = next(tool.environment.glob("lib/python3*/site-packages"), Path()) if tool.packages else Path()
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LWV_TEACHER_BASE_URL": url,
        "LWV_TEACHER_MODEL": "bench",
        "LWV_TEACHER_CONCURRENCY": str(calls_at_once(slots)),
        "LWV_TEACHER_WINDOW": str(max(1.0, tool.window * slots / calls_at_once(slots))),
        "OPENAI_API_KEY": "none",
        "TELEMETRY_ENABLED": "0",
        "NEMO_TELEMETRY_ENABLED": "false",
        "HF_HUB_OFFLINE": "1",
        "CURATOR_VIEWER": "0",
        "TIKTOKEN_CACHE_DIR": str(libraries / "litellm/litellm_core_utils/tokenizers"),
    }


def peak_rss_mb(process: subprocess.Popen[Any], stop: threading.Event, peak: list[float]) -> None:
    """Watches the resident memory of a process and all that it started, in MB."""
    while not stop.wait(1):
        try:
            root = psutil.Process(process.pid)
            total = 0
            for one in [root, *root.children(recursive=True)]:
                try:
                    total += one.memory_info().rss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total / 2**20)
        except psutil.Error:
            return


class UnfinishedError(RuntimeError):
    """A run that took longer than LIMIT times the bound, or ended without all calls."""


def measure(tool: Tool, size: Size) -> dict[str, float]:
    """One run. Ratios are over the lower bound; makespan is the log's, wall the process's."""
    bound = lower_bound(size.samples, size.slots, size.speed)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        server(size.slots, size.speed, Path(folder) / "log.jsonl") as url,
    ):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        command = tool.command(url, size.samples, calls_at_once(size.slots), Path(folder) / "home")
        with (Path(folder) / "output.txt").open("w+") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(tool, url, size.slots),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            peak, stop = [0.0], threading.Event()
            watcher = threading.Thread(target=peak_rss_mb, args=(process, stop, peak))
            watcher.start()
            try:
                process.wait(timeout=START_UP_S + LIMIT * bound)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, 9)
                process.wait()
                raise UnfinishedError(f"over {LIMIT} times the bound, stopped") from error
            finally:
                stop.set()
            watcher.join()
            wall = time.monotonic() - started
            output.seek(0)
            said = output.read()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        log: list[dict[str, Any]] = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
    distinct = {(call["sample"], call["step"]): call.get("prompt") for call in log}
    if len(distinct) != total_calls(size.samples):
        print(said[-2000:], flush=True)
        raise UnfinishedError(f"{len(distinct)} of {total_calls(size.samples)} calls arrived")
    makespan = max(call["end"] for call in log) - min(call["arrival"] for call in log)
    busy = sum(call["end"] - call["start"] for call in log)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "bound_s": bound,
        "makespan": makespan / bound,
        "wall": wall / bound,
        "calls": len(log),
        "twice": len(log) - len(distinct),
        "idle": 100 * (1 - busy / (size.slots * makespan)),
        "cpu_ms": cpu * 1000 / len(log),
        "rss_mb": peak[0],
        "prompts": hash(tuple(sorted((key, value) for key, value in distinct.items() if value))),
    }


def table(
    size: Size,
    results: dict[str, list[dict[str, float]]],
    unfinished: dict[str, str],
) -> Iterator[str]:
    if not results:
        return
    bound = next(iter(results.values()))[0]["bound_s"]
    yield f"## {size.samples} samples, {size.slots} slots ({size.faster:g}x the base speed, bound {bound:.1f} s)"
    yield ""
    yield (
        "| tool | makespan | range | slots idle % | wall | calls | paid twice | CPU ms/call | peak RSS MB | "
        "same prompts |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    ours = {run["prompts"] for runs in list(results.values())[:1] for run in runs}
    for name, runs in results.items():
        middle = {key: median(run[key] for run in runs) for key in runs[0]}
        spans = [run["makespan"] for run in runs]
        same = "yes" if {run["prompts"] for run in runs} == ours else "no"
        yield (
            f"| {name} | {middle['makespan']:.4f} | {min(spans):.4f} to {max(spans):.4f} | "
            f"{middle['idle']:.2f} | {middle['wall']:.3f} | {middle['calls']:.0f} | {middle['twice']:.0f} | "
            f"{middle['cpu_ms']:.2f} | {middle['rss_mb']:.0f} | {same} |"
        )
    for name, why in unfinished.items():
        yield f"| {name} | {why} | | | | | | | |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["96x16"], help="samples x slots @ faster, as 1000x64@2")
    parser.add_argument("--tools", nargs="+", default=list(TOOLS), choices=list(TOOLS))
    parser.add_argument("--modes", nargs="+", default=MODES, choices=MODES)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    tools: Sequence[Tool] = [TOOLS[name] for name in options.tools]
    for tool in tools:
        tool.install()
    speed = Speed()
    lines = [
        "# The writing engine beside its peers",
        "",
        (
            f"Medians of {options.repeats}, tools in turn; base speed: TTFT {speed.ttft} s, {speed.rate:.0f} tokens/s "
            f"a slot. Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores, "
            f"{platform.machine()}. Makespan and wall are ratios over the lower bound (all service over the slots, or "
            "the longest chain); makespan is by the server's log, wall has each tool's start-up in it, CPU too. Idle "
            "is the share of slot time in which the tool left a slot without a call; the rest over the bound is the "
            "server's own clock. Each tool may send a quarter more calls at once than there are slots (distilabel "
            "knows no such limit: it sends a batch at once). "
            "Work, and so all times, follow from hash(sample, step). Versions: bench/engine/tools.py."
        ),
        "",
    ]
    for mode, rows in (
        ("cost", lambda: cost_mode(options.repeats)),
        ("cache", lambda: cache_mode(48, options.repeats)),
        ("faults", lambda: fault_mode(300, options.repeats)),
    ):
        if mode in options.modes:
            lines += rows()
    for size in map(Size.parse, options.sizes if "plain" in options.modes else []):
        results: dict[str, list[dict[str, float]]] = {}
        unfinished: dict[str, str] = {}
        for _ in range(options.repeats):
            for tool in tools:
                if tool.name in unfinished:
                    continue
                try:
                    run = measure(tool, size)
                except UnfinishedError as error:
                    print(f"{size.samples}x{size.slots} {tool.name}: {error}", flush=True)
                    unfinished[tool.name] = str(error)
                    continue
                results.setdefault(tool.name, []).append(run)
                print(
                    f"{size.samples}x{size.slots} {tool.name}: {run['makespan']:.4f}, "
                    f"slots idle {run['idle']:.2f} %, wall {run['wall']:.3f}",
                    flush=True,
                )
        lines += table(size, results, unfinished)
        options.results.write_text("\n".join(lines) + "\n")
    options.results.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
