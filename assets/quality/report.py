"""The report file per asset and shard, and the gate that the doors to training ask: the truth about what passed."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.quality.outcome import Outcome, Rule
from resources.store import Store

# Assets that have a report for each shard, in the order of the lineage; `drafts` only after the preference round.
REPORTED = ("source_images", "instructions", "long_outputs", "drafts", "segments", "corrected_segments",
            "preference_pairs")


@dataclass(frozen=True)
class Problem:
    """Why one shard may not go on."""

    shard: str
    asset: str
    reason: str


def report_path(store: Store, asset: str, shard: str) -> Path:
    return store.home / "reports" / "quality" / asset / f"{shard}.json"


def table_hash(store: Store, asset: str, shard: str) -> str | None:
    """sha256 (hex) of the table's file; None where there is none."""
    path = store.table_path(asset, shard)
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_report(store: Store, asset: str, shard: str, rules: Sequence[Rule], outcomes: Sequence[Outcome], rows: int,
                 quarantined: int) -> dict[str, Any]:
    """Write what the checks found. `passed`: no blocking rule failed."""
    blocking = {rule.name for rule in rules if rule.blocking}
    report = {
        "asset": asset, "shard": shard, "rows": rows, "quarantined": quarantined, "at": time.time(),
        "table_sha256": table_hash(store, asset, shard),
        "passed": all(outcome.passed for outcome in outcomes if outcome.rule in blocking),
        "outcomes": [{"rule": outcome.rule, "passed": outcome.passed, "blocking": outcome.rule in blocking,
                      "description": outcome.description, "metadata": outcome.metadata} for outcome in outcomes],
    }
    store.write_json(report_path(store, asset, shard), report)
    return report


def read_report(store: Store, asset: str, shard: str) -> dict[str, Any] | None:
    path = report_path(store, asset, shard)
    return json.loads(path.read_text()) if path.exists() else None


def gate(store: Store, assets: Sequence[str], shards: Sequence[str]) -> list[Problem]:
    """What keeps these shards from going on: no report, a failed blocking rule, or a table newer than its report.

    The report files are the truth here: Dagster's own gating ends with the run (dagster.md section 0).
    """
    problems = []
    for shard in shards:
        for asset in assets:
            report = read_report(store, asset, shard)
            if report is None:
                problems.append(Problem(shard, asset, "not checked yet"))
            elif report["table_sha256"] != table_hash(store, asset, shard):
                problems.append(Problem(shard, asset, "its table changed after it was checked"))
            elif not report["passed"]:
                failed = [outcome["rule"] for outcome in report["outcomes"]
                          if outcome["blocking"] and not outcome["passed"]]
                problems.append(Problem(shard, asset, "failed " + ", ".join(failed)))
    return problems
