"""`make bench-recipe`: the paper's catalogue through the real gate to SFT, at a tenth and at the whole of its size.

Two ways. `written`: instructions and long_outputs are written without a model, with rows that break each rule, so that
only the gate is measured. `chain`: instructions, long_outputs and sft_dataset run as Dagster runs them, against an
endpoint that answers at once. Each step is a process of its own, and its peak resident memory is read from the system.
"""

import argparse
import json
import os
import platform
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resources.store import Store
from testing.recipe.catalogue import documents, shards, write_sources
from testing.recipe.recipe import WHOLE, write_recipe
from testing.recipe.written import write_outputs
from testing.told import told

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "RESULTS.md"
WAYS = {"written": "The gate alone", "chain": "The whole chain"}
COUNTED, COUNTS = ("rows", "quarantined", "calls_made"), ("rejected_", "repaired_", "length_from_")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def make_sources(home: Path, count: int) -> dict[str, Any]:
    write_sources(Store(home), shards(documents(count)))
    return {}


def make_written(home: Path, count: int) -> dict[str, Any]:
    found = shards(documents(count))
    write_sources(Store(home), found)
    write_outputs(Store(home), found)
    return {}


def make_chain(home: Path, count: int) -> dict[str, Any]:
    """The assets instructions and long_outputs with their checks, shard after shard, in this process."""
    import dagster as dg

    from assets.partitions import SHARDS
    from lwv_dagster.definitions import defs
    from lwv_dagster.demo import problems

    found, counts, failed = shards(documents(count)), Counter[str](), Counter[str]()
    chosen = [dg.AssetKey("instructions"), dg.AssetKey("long_outputs")]
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(SHARDS.name), list(found))
        for number, shard in enumerate(found, 1):
            result = defs.resolve_job_def("shard_job").execute_in_process(
                instance=instance, partition_key=shard, asset_selection=chosen, raise_on_error=False, run_config=QUIET
            )
            assert result.success, list(problems(result.all_events))
            failed.update(check.check_name for check in result.get_asset_check_evaluations() if not check.passed)
            for asset in ("instructions", "long_outputs"):
                metadata = told(result.asset_materializations_for_node(asset)[0].metadata)
                counts.update(
                    {
                        f"{asset} {name}" if name in ("rows", "quarantined") else name: value
                        for name, value in metadata.items()
                        if name in COUNTED or name.startswith(COUNTS)
                    }
                )
            print(
                f"{number} of {len(found)} shards, {counts['calls_made']} calls, peak {peak_mb():.0f} MB",
                file=sys.stderr,
                flush=True,
            )
    return {"counts": counts, "warnings": failed}


@contextmanager
def endpoint() -> Iterator[str]:
    """The address of the scripted teacher, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.recipe.endpoint", "--port", str(port)], cwd=ROOT)
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def make_gate(home: Path, count: int) -> dict[str, Any]:
    """The asset sft_dataset and its checks, in this process."""
    import dagster as dg

    from assets.partitions import SHARDS
    from assets.training_dataset import current_manifest
    from lwv_dagster.definitions import defs
    from lwv_dagster.demo import problems

    found = documents(count)
    before = peak_mb()
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(str(SHARDS.name), list(shards(found)))
        result = defs.resolve_job_def("training_job").execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey("sft_dataset")], raise_on_error=False, run_config=QUIET
        )
        assert result.success, list(problems(result.all_events))
        seconds = {
            event.step_key: event.step_success_data.duration_ms / 1000
            for event in result.all_events
            if event.is_step_success
        }
        failed = [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
    manifest = current_manifest(Store(home), "sft")
    return {
        "imports_mb": before,
        "report": manifest.report,
        "rows": manifest.rows,
        "failed_checks": failed,
        "seconds_gate": seconds["sft_dataset"],
        "seconds_checks": seconds["sft_dataset_checks"],
        "planted": dict(Counter(document.plant for document in found if document.plant)),
    }


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


STEPS = {"sources": make_sources, "chain": make_chain, "written": make_written, "gate": make_gate}


def step(name: str, home: Path, count: int, **environment: str) -> dict[str, Any]:
    """One step in a process of its own."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "bench.recipe.run", "--step", name, "--home", str(home), "--documents", str(count)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={
            **os.environ,
            "LWV_HOME": str(home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "LWV_RECIPE": str(home / "recipe.toml"),
            **environment,
        },
    )
    if done.returncode:
        raise SystemExit(f"{name} of {count} documents failed")
    found = json.loads(done.stdout.splitlines()[-1]) | {"seconds": time.monotonic() - started}
    print(f"{name} {count}: {found['seconds']:.0f} s, peak {found['peak_mb']:.0f} MB", flush=True)
    return found


def measure(way: str, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-recipe-") as folder:
        home = Path(folder)
        write_recipe(home, count)
        if way == "written":
            step("written", home, count)
            return step("gate", home, count)
        step("sources", home, count)
        with endpoint() as url:
            chain = step(
                "chain", home, count, LWV_TEACHER_BASE_URL=url, LWV_TEACHER_MODEL="bench", LWV_TEACHER_CONCURRENCY="32"
            )
        return step("gate", home, count) | {"chain": chain}


def chain_lines(found: dict[str, Any]) -> list[str]:
    if "chain" not in found:
        return []
    chain, counts = found["chain"], found["chain"]["counts"]
    counted = ", ".join(f"{name.replace('_', ' ')} {number:,.0f}" for name, number in sorted(counts.items()) if number)
    warned = ", ".join(f"{name} in {number} shards" for name, number in chain["warnings"].items()) or "none"
    return [
        f"instructions and long_outputs: {chain['seconds']:.0f} s, "
        f"{counts['calls_made'] / chain['seconds']:.0f} calls/s, peak resident memory {chain['peak_mb']:.0f} MB; "
        f"{counted}. Checks that warned: {warned}.",
        "",
    ]


def lines(way: str, count: int, found: dict[str, Any]) -> list[str]:
    from assets.sft_dataset.mix_report import mix_table

    report = found["report"]
    planted = dict(found["planted"])
    planted["in_benchmark"] = planted.get("in_benchmark", 0) + planted.pop("in_benchmark_text", 0)
    dropped = ", ".join(
        f"{kind} {number}" + (f" (of {planted.get(kind, 0)} planted)" if way == "written" else "")
        for kind, number in report["dropped"].items()
    )
    return [
        f"## {WAYS[way]}: {count:,} documents, {report['read']:,} written examples",
        "",
        *chain_lines(found),
        f"Kept {report['kept']['examples']:,}, trained on {report['trained_on']['examples']:,}; worst miss of a "
        f"target {report['off']:.2%}. Left out: {dropped}. Failed checks: "
        f"{', '.join(found['failed_checks']) or 'none'}.",
        "",
        f"Peak resident memory {found['peak_mb']:.0f} MB, of which {found['imports_mb']:.0f} MB are Dagster and "
        f"imports; gate {found['seconds_gate']:.0f} s, its checks {found['seconds_checks']:.0f} s.",
        "",
        mix_table(report),
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[WHOLE // 10, WHOLE])
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--documents", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        found = STEPS[options.step](options.home, options.documents)
        print(json.dumps({**found, "peak_mb": peak_mb()}))
        return
    said = [
        "# The recipe at the size of LongWriter-V-22k",
        "",
        f"Python {platform.python_version()}, {len(os.sched_getaffinity(0))} cores, {platform.machine()}. "
        "Targets: testing/recipe/recipe.toml.",
        "",
    ]
    for way in options.ways:
        for count in options.sizes:
            said += lines(way, count, measure(way, count))
            options.results.write_text("\n".join(said))


if __name__ == "__main__":
    main()
