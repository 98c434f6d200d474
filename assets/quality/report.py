"""The report file per asset and shard: what its checks found, and of which table."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from assets.quality.names import ID
from assets.quality.outcome import Finding, Outcome, Rule, Violation
from resources.damaged_files import read_object
from resources.failures import StorageError
from resources.identity import IdentityRecord
from resources.secrets import mask
from resources.store import Store, file_hash


class ViolationRecord(TypedDict):
    """A Violation as the report file holds it."""

    id: str
    why: str


class OutcomeRecord(TypedDict):
    """One rule's verdict as the report file holds it."""

    rule: str
    passed: bool
    blocking: bool
    description: str
    metadata: dict[str, Finding]
    violations: NotRequired[list[ViolationRecord]]  # all that breaks it; older ones lack it
    named: NotRequired[list[str]]  # of older ones: the ids of all that breaks it, `<document_id> page <n>` of a page


class Report(TypedDict):
    """One asset's checks on one shard, or on all of it (shard: `all`)."""

    asset: str
    shard: str
    rows: int  # 0 of an asset over all shards
    quarantined: int
    at: float  # Unix time, seconds
    table_sha256: str | None  # of the file that was checked
    made_with: IdentityRecord | None  # None: written before tables had an identity
    passed: bool  # no blocking rule failed
    outcomes: list[OutcomeRecord]


def report_path(store: Store, asset: str, shard: str) -> Path:
    """Where the report of one asset and shard is."""
    return store.home / "reports" / "quality" / asset / f"{shard}.json"


def table_hash(store: Store, asset: str, shard: str) -> str | None:
    """sha256 (hex) of the table's file; None where there is none."""
    path = store.table_path(asset, shard)
    return file_hash(path) if path.exists() else None


def write_report(
    store: Store,
    asset: str,
    shard: str,
    rules: Sequence[Rule],
    outcomes: Sequence[Outcome],
    rows: int,
    quarantined: int,
) -> Report:
    """Write what the checks found, and of which table."""
    identity = store.identity(asset, shard) if store.has_table(asset, shard) else None
    blocking = {rule.name for rule in rules if rule.blocking}
    report: Report = {
        "asset": asset,
        "shard": shard,
        "rows": rows,
        "quarantined": quarantined,
        "at": time.time(),
        "table_sha256": table_hash(store, asset, shard),
        "made_with": identity.as_json() if identity else None,
        "passed": all(outcome.passed for outcome in outcomes if outcome.rule in blocking),
        "outcomes": [
            {
                "rule": outcome.rule,
                "passed": outcome.passed,
                "blocking": outcome.rule in blocking,
                "description": outcome.description,
                "metadata": outcome.metadata,
                "violations": [{"id": each.id, "why": each.why} for each in outcome.found],
            }
            for outcome in outcomes
        ],
    }
    store.write_json(report_path(store, asset, shard), report)
    return report


def violations_of(outcome: OutcomeRecord) -> list[Violation]:
    """What breaks a rule; of older reports without a reason, or only ten of them."""
    if (found := outcome.get("violations")) is not None:
        return [Violation(each["id"], each["why"]) for each in found]
    examples = outcome["metadata"].get("examples")
    return [Violation(name, "") for name in outcome.get("named") or (examples if isinstance(examples, list) else [])]


def ids_named(outcome: OutcomeRecord) -> list[str]:
    """What breaks a rule, by id."""
    return _ids([each.id for each in violations_of(outcome)])


def _ids(texts: Sequence[str]) -> list[str]:
    """Ids alone: what else stands in a text may be of any length."""
    return list(dict.fromkeys(match[0].replace(",", "") for text in texts for match in ID.finditer(mask(text))))


def read_report(store: Store, asset: str, shard: str) -> Report | None:
    """The last report; None where the shard was not checked yet, or its report says less than a report does."""
    path = report_path(store, asset, shard)
    if not path.exists():
        return None
    try:
        found = {"made_with": None, **read_object(path)}  # older reports lack it
        whole = found.keys() >= Report.__required_keys__ and all(
            outcome.keys() >= OutcomeRecord.__required_keys__ for outcome in found["outcomes"]
        )
    except (AttributeError, TypeError, StorageError):  # not JSON, or of another form
        return None
    return cast(Report, found) if whole else None
