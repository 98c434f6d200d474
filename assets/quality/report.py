"""The report file per asset and shard: what its checks found, and of which table."""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assets.quality.outcome import Outcome, Rule
from resources.store import Store

# Assets that have a report for each shard, in the order of the lineage; `drafts` only after the preference round.
REPORTED = (
    "source_images",
    "instructions",
    "long_outputs",
    "drafts",
    "segments",
    "corrected_segments",
    "preference_pairs",
)


def report_path(store: Store, asset: str, shard: str) -> Path:
    """Where the report of one shard of an asset lies."""
    return store.home / "reports" / "quality" / asset / f"{shard}.json"


def table_hash(store: Store, asset: str, shard: str) -> str | None:
    """sha256 (hex) of the table's file; None where there is none."""
    path = store.table_path(asset, shard)
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_report(
    store: Store,
    asset: str,
    shard: str,
    rules: Sequence[Rule],
    outcomes: Sequence[Outcome],
    rows: int,
    quarantined: int,
) -> dict[str, Any]:
    """Write what the checks found. `passed`: no blocking rule failed."""
    blocking = {rule.name for rule in rules if rule.blocking}
    report = {
        "asset": asset,
        "shard": shard,
        "rows": rows,
        "quarantined": quarantined,
        "at": time.time(),
        "table_sha256": table_hash(store, asset, shard),
        "passed": all(outcome.passed for outcome in outcomes if outcome.rule in blocking),
        "outcomes": [
            {
                "rule": outcome.rule,
                "passed": outcome.passed,
                "blocking": outcome.rule in blocking,
                "description": outcome.description,
                "metadata": outcome.metadata,
            }
            for outcome in outcomes
        ],
    }
    store.write_json(report_path(store, asset, shard), report)
    return report


def read_report(store: Store, asset: str, shard: str) -> dict[str, Any] | None:
    """The last report of one shard of an asset; None where it was not checked yet."""
    path = report_path(store, asset, shard)
    return json.loads(path.read_text()) if path.exists() else None
