"""Ours on the benchmark's job: the writer on the engine alone, or the asset `long_outputs` run by Dagster."""

import argparse
import hashlib
import json
import logging
import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import mean
from typing import Any

from assets.instructions.schema import INSTRUCTIONS, Instruction
from assets.long_outputs.conversation import Order
from assets.long_outputs.writer import write_document
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.engine.money import Budget
from resources.engine.profile import Memory, Reach
from resources.engine.server_memory import ServerMemory
from resources.ledger import Ledger
from resources.recipe.model import Writing
from resources.store import Store
from testing.engine.prompts import instruction, required_words

SHARD = "bench-001"
REFUSAL = "i'm sorry, but i can"  # the server's; the rules for refusals are the engine's cost, not the benchmark's


def example(sample: int, images: list[str], fixed: int) -> Instruction:
    """The instructions row of one sample."""
    return {
        "example_id": str(sample),
        "document_id": str(sample),
        "kind": "multi",
        "split": "sft",
        "language": "en",
        "images": images,
        "request": instruction(sample, fixed),
        "instruction": instruction(sample, fixed),
        "required_words": required_words(sample, fixed),
        "target_words": required_words(sample, fixed),
        "length_from": "stated",
        "task": "open",
        "documents": [str(sample)],
        "pages": list(range(1, len(images) + 1)),
        "origin": "multi",
        "author": "fixed",
        "call_id": None,
    }


def image_pool(store: Store, images: int, size: int) -> list[bytes]:
    """Bytes for images: 64 of them where they are large (they are read from memory), else one for each name."""
    return [hashlib.shake_256(str(index).encode()).digest(size) for index in range(64)] if size else []


def have_met(home: Path) -> None:
    """Leave in the ledger what an earlier run on the same server leaves there: it answered all kinds of calls."""
    endpoint = Endpoint.from_env("teacher")
    ledger = Ledger.at(home)
    for url in endpoint.urls:
        key = ServerMemory(ledger, url, endpoint.model, endpoint.wire).key
        most = Memory(reach=Reach(tokens=20, images=10, bytes=10, schema=True), answered=True)
        ledger.put_profile(key, url, endpoint.model, most.as_json())


async def write_all(options: argparse.Namespace) -> dict[str, Any]:
    endpoint = Endpoint.from_env("teacher")
    pool = image_pool(Store(options.home), options.images, options.image_bytes)
    budget = int(os.environ.get("BENCH_BUDGET_TOKENS", "0")) or None
    outcomes: Counter[str] = Counter()
    bad, limits = 0, list[int]()

    def read_image(name: str) -> bytes:
        return pool[int(name.split("-")[1]) % len(pool)] if pool else name.encode()

    async with ModelEngine(
        {"teacher": endpoint}, Ledger.at(options.home), read_image, budget=Budget(tokens=budget), run="bench"
    ) as engine:
        examples = [
            example(sample, [f"{sample}-{page}" for page in range(options.images)], options.sections)
            for sample in range(options.samples)
        ]
        order: Order = options.order
        runs = engine.run(examples, lambda row: write_document(engine, row, Writing(), order), "teacher", "bench")
        async for _, row in runs:
            limits.append(engine.servers["teacher"][0].limit.value)
            outcomes[row.kind if isinstance(row, Exception) else "done"] += 1
            if isinstance(row, Exception):
                continue
            for section in row["sections"]:  # what may never stand in long_outputs
                low = section["text"].lower()
                bad += REFUSAL in low or section["words"] < 100 or "error" in low
        return {
            **engine.tally.metadata(),
            **engine.tally.counts(),
            **{f"documents_{kind}": count for kind, count in outcomes.items()},
            "bad_sections": bad,
            "limit": round(mean(limits[len(limits) // 2 :]), 1),
        }


def run_asset(options: argparse.Namespace) -> dict[str, Any]:
    """One materialisation of `long_outputs`, as `dagster` runs it: resources, events and storage included."""
    import dagster as dg

    from assets.long_outputs.asset import long_outputs
    from assets.partitions import SHARDS
    from lwv_dagster.definitions import default_resources

    store = Store(options.home)
    store.write_table(INSTRUCTIONS, SHARD, (example(sample, [], options.sections) for sample in range(options.samples)))
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(str(SHARDS.name), [SHARD])
        result = dg.materialize(
            [long_outputs], partition_key=SHARD, instance=instance, resources=dict(default_resources)
        )
    metadata = result.asset_materializations_for_node("long_outputs")[0].metadata
    return {"calls_made": metadata["calls_made"].value, "documents_done": metadata["rows"].value}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--asset", action="store_true")
    parser.add_argument("--first-run", action="store_true", help="the server was never asked before")
    parser.add_argument("--sections", type=int, default=0)
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--image-bytes", type=int, default=0)
    parser.add_argument("--order", default="append")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    os.environ["LWV_HOME"] = str(options.home)
    if not options.first_run:
        have_met(options.home)
    started = time.time()
    found = run_asset(options) if options.asset else run(write_all(options))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                **found,
                "seconds": time.time() - started,
                "cpu_s": used.ru_utime + used.ru_stime,
                "rss_mb": used.ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
