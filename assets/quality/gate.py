"""The quality gate: which shards may go on to training, by their reports."""

from collections.abc import Sequence
from dataclasses import dataclass

from assets.quality.report import read_report, table_hash
from resources.store import Store


class GateClosedError(RuntimeError):
    """A shard may not go to training; the sentence names each one and what to do."""


@dataclass(frozen=True)
class Problem:
    """Why one shard may not go on."""

    shard: str
    asset: str
    reason: str


def require_good_shards(store: Store, upstream: Sequence[str], shards: Sequence[str]) -> None:
    """Raise GateClosedError unless every shard has a passing, current quality report for each upstream asset."""
    if not shards:
        raise GateClosedError("There is no shard yet: put documents under LWV_SOURCES and run the shard job.")
    problems = gate(store, upstream, shards)
    if problems:
        listed = "; ".join(f"{problem.shard}/{problem.asset}: {problem.reason}" for problem in problems[:20])
        more = f" (and {len(problems) - 20} more)" if len(problems) > 20 else ""
        raise GateClosedError(
            f"{len(problems)} quality reports keep the quality gate closed: {listed}{more}. "
            "Materialise these shards again, or look at their checks."
        )


def gate(store: Store, assets: Sequence[str], shards: Sequence[str]) -> list[Problem]:
    """What keeps these shards from going on: no report, a failed blocking rule, or a table newer than its report.

    The report files are the truth here: Dagster's own gating ends with the run (docs/quality.md).
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
                failed = [
                    outcome["rule"] for outcome in report["outcomes"] if outcome["blocking"] and not outcome["passed"]
                ]
                problems.append(Problem(shard, asset, "failed " + ", ".join(failed)))
    return problems
