"""The rules that failed, by shard, out of the reports of the checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from assets.quality.quarantine import ALL_SHARDS
from assets.quality.report import read_report, violations_of
from assets.quality_report.kept_files import KeptFiles
from assets.steps import NAMES
from resources.store import Store


class Verdict(NamedTuple):
    """One rule on one shard. rows: that break it; at least 1 of a rule that failed as a whole."""

    rule: str
    passed: bool
    blocking: bool
    rows: int
    says: str


class Checked(NamedTuple):
    """What a report holds, in short. at: Unix time."""

    at: float
    verdicts: Sequence[Verdict]


@dataclass(frozen=True)
class RuleLine:
    """A rule that failed somewhere. cells: shard -> its verdict there, of those where it failed."""

    asset: str
    rule: str
    blocking: bool
    cells: dict[str, Verdict] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As it is asked for: `long_outputs.length_near`."""
        return f"{self.asset}.{self.rule}"

    @property
    def rows(self) -> int:
        """Of all shards."""
        return sum(cell.rows for cell in self.cells.values())


@dataclass(frozen=True)
class RuleGrid:
    """lines: the most rows first; shards: every one that was checked; kept: how many rules hold everywhere; checked:
    asset -> shard -> when."""

    lines: Sequence[RuleLine]
    shards: Sequence[str]
    kept: int
    checked: dict[str, dict[str, float]]


def read_grid(store: Store, kept: KeptFiles) -> RuleGrid:
    """Of every report that there is."""
    lines, seen = dict[tuple[str, str], RuleLine](), set[tuple[str, str]]()
    checked = dict[str, dict[str, float]]()
    for asset in NAMES:
        for path in sorted((store.home / "reports" / "quality" / asset).glob("*.json")):
            found = kept.of(path, _checked)
            if found is None:
                continue
            checked.setdefault(asset, {})[path.stem] = found.at
            for verdict in found.verdicts:
                seen.add((asset, verdict.rule))
                if not verdict.passed:
                    line = lines.setdefault((asset, verdict.rule), RuleLine(asset, verdict.rule, verdict.blocking))
                    line.cells[path.stem] = verdict
    ordered = sorted(lines.values(), key=lambda line: (not line.blocking, -line.rows, line.name))
    shards = sorted({shard for shards in checked.values() for shard in shards} - {ALL_SHARDS})
    return RuleGrid(ordered, shards, len(seen) - len(lines), checked)


def heat(rows: int) -> int:
    """0 to 5, by the order of magnitude: none, 1, up to 3, 10, 50, more."""
    return sum(rows >= least for least in (1, 2, 4, 11, 51))


def _checked(path: Path) -> Checked | None:
    store, asset, shard = Store(path.parents[3]), path.parent.name, path.stem
    report = read_report(store, asset, shard)
    if report is None:
        return None
    return Checked(
        report["at"],
        [
            Verdict(
                outcome["rule"],
                outcome["passed"],
                outcome["blocking"],
                0 if outcome["passed"] else _rows(len(violations_of(outcome)), outcome["metadata"]),
                outcome["description"],
            )
            for outcome in report["outcomes"]
        ],
    )


def _rows(named: int, metadata: Mapping[str, object]) -> int:
    counts = [value for name in ("bad", "unexpected") if isinstance(value := metadata.get(name), int | float)]
    return max(1, named, *(int(value) for value in counts))
