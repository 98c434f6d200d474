"""Which shards a gate may read: finished, pending (left out for now), or failed or broken, which shuts the gate.

The report files decide: Dagster's own gating ends with the run (docs/quality.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from assets.quality.report import read_report, table_hash
from assets.run_view import RunView
from resources.store import Store

State = Literal["good", "failed", "changed", "missing", "unchecked", "being_made"]
NAMED = 10  # shards that a sentence names


class TableState(NamedTuple):
    """How one table of a shard stands. says: of a failed or changed one, why, as a clause."""

    asset: str
    state: State
    says: str = ""


@dataclass(frozen=True)
class Problem:
    """Why one shard may not be trained on."""

    shard: str
    asset: str
    reason: str


@dataclass(frozen=True)
class ShardStates:
    """What became of the shards. finished: in order; pending: shard -> why it is left out for now; problems: of those
    that failed or are broken."""

    finished: list[str] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def note(self) -> str:
        """`3 shards pending: lectures-004 (never run), …`; empty where none is."""
        return pending_note(self.pending)


def pending_note(pending: Mapping[str, str]) -> str:
    """One clause for people on shards that are left out for now. pending: shard -> why."""
    if not pending:
        return ""
    named = [f"{shard} ({why})" for shard, why in list(pending.items())[:NAMED]]
    more = [f"and {len(pending) - NAMED} more"] if len(pending) > NAMED else []
    return f"{len(pending)} shard{'s' if len(pending) > 1 else ''} pending: {', '.join([*named, *more])}"


def shard_states(store: Store, view: RunView, needed: Sequence[str], optional: Sequence[str] = ()) -> ShardStates:
    """needed: the assets that a finished shard has, in the order of the lineage; optional: those that it may have."""
    found = ShardStates()
    for shard in view.shards:
        tables = [table_state(store, view, asset, shard) for asset in needed]
        more = [table_state(store, view, asset, shard) for asset in optional if store.has_table(asset, shard)]
        wrong = problems_of(shard, tables, more)
        if waiting := first_pending(tables, more, bool(wrong)):
            named = waiting.state == "missing" and len(found.pending) < NAMED  # each asks Dagster's event log
            words = view.last_words(waiting.asset, shard) if named else ""
            found.pending[shard] = why_pending(waiting, waiting is tables[0], words)
        elif wrong:
            found.problems.extend(wrong)
        else:
            found.finished.append(shard)
    return found


def table_state(store: Store, view: RunView, asset: str, shard: str) -> TableState:
    """How a table stands as of the view: what was checked after the run began counts as being made."""
    report, since = read_report(store, asset, shard), view.making.get((asset, shard))
    if since is not None and (report is None or report["at"] < since):
        return TableState(asset, "being_made")
    if report is None:
        return TableState(asset, "unchecked" if store.has_table(asset, shard) else "missing")
    if report["at"] > view.began:
        return TableState(asset, "being_made")
    if (found := table_hash(store, asset, shard)) != report["table_sha256"]:
        gone = found is None
        return TableState(asset, "changed", "its table is gone" if gone else "its table changed after it was checked")
    if not report["passed"]:
        failed = [
            f"{outcome['rule']} ({outcome['description'].removeprefix(f'{asset} {shard}: ')})"
            for outcome in report["outcomes"]
            if outcome["blocking"] and not outcome["passed"]
        ]
        return TableState(asset, "failed", "failed " + ", ".join(failed))
    return TableState(asset, "good")


def problems_of(shard: str, tables: Sequence[TableState], optional: Sequence[TableState]) -> list[Problem]:
    """What shuts the gate for a shard. Where a rule failed, that alone: what follows from its table was not made."""
    everything = [*tables, *optional]
    failed = [Problem(shard, table.asset, table.says) for table in everything if table.state == "failed"]
    if failed:
        return failed
    broken = [Problem(shard, table.asset, table.says) for table in everything if table.state == "changed"]
    made = [place for place, table in enumerate(tables) if table.state in ("good", "changed")]
    for table in tables[: max(made, default=0)]:
        if table.state in ("missing", "unchecked"):
            says = "not checked" if table.state == "unchecked" else "not there"
            broken.append(Problem(shard, table.asset, f"{says}, while `{tables[made[-1]].asset}` is"))
    return broken


def first_pending(tables: Sequence[TableState], optional: Sequence[TableState], wrong: bool) -> TableState | None:
    """The table for which a shard is left out for now; None where it is not.

    wrong: it failed or is broken, which counts unless it is being made again.
    """
    everything = [*tables, *optional]
    making = next((table for table in everything if table.state == "being_made"), None)
    waiting = next((table for table in everything if table.state in ("missing", "unchecked")), None)
    return making or (None if wrong else waiting)


def why_pending(table: TableState, first: bool, last_words: str = "") -> str:
    """Why a shard is left out for now. table: that it waits for; first: it is the first of the lineage. last_words: of
    the shard's last failed run."""
    if table.state == "being_made":
        return f"`{table.asset}` is being made"
    if table.state == "unchecked":
        return f"`{table.asset}` is not checked yet"
    if last_words:
        return f"`{table.asset}` failed: {last_words}"
    return "never run" if first else f"`{table.asset}` is not made yet"
