"""The overview of a home: its parts as HTML, for `lwv look` and for the page that can be mailed."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from assets.quality.outcome import limits_of
from assets.quality.quarantine import ALL_SHARDS, read_quarantine
from assets.quality_report.charts_svg import HEIGHT, LENGTH_BINS, WIDTH, Cell, curves, histograms
from assets.quality_report.cost_facts import Costs, Group, costs_of, ledger_stamp, read_forecasts, read_groups
from assets.quality_report.freshness import fresh_wholes, freshness
from assets.quality_report.funnel import funnel, share
from assets.quality_report.kept_files import KeptFiles, Last
from assets.quality_report.rule_grid import RuleGrid, heat, read_grid
from assets.quality_report.table_facts import Facts, document_shards, read_facts, read_lengths, read_spreads
from assets.quality_report.training_facts import read_training_facts
from assets.signals.drift import ShardDrift, drift_of_shards
from assets.source_files.summary import tally_of
from resources.secrets import mask
from resources.store import Store
from resources.text.shown import in_line, number_of

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"
STYLE = FOLDER / "overview.css"
LATER = (
    "drift",
    "lengths",
    "cost",
    "fresh",
)  # parts that take longer, whose place in the page is filled after the rest is shown
MOST_LISTED = 8  # names of a kind of cost
TITLES = {  # of every part, in the order of the page
    "funnel": "From files to trained rows",
    "rules": "Rules that fail, by shard",
    "quarantine": "In quarantine, by reason",
    "drift": "Drift of each shard against those before it",
    "lengths": "Words written against words planned",
    "cost": "Cost",
    "training": "Training and scores",
    "fresh": "How fresh each asset is",
}


class Overview:
    """Of one home. linked: with links to rows, which `lwv look` alone has. May be used by several threads at once."""

    def __init__(self, store: Store, linked: bool = True) -> None:
        self.store, self.linked = store, linked
        self._kept = KeptFiles()
        self._drifts, self._groups = Last[dict[str, ShardDrift]](), Last[list[Group]]()
        self._templates = templates()

    def first(self) -> dict[str, str]:
        """The parts that are read from little: funnel, rules, quarantine, training, by name."""
        facts, grid = read_facts(self.store, self._kept), read_grid(self.store, self._kept)
        training = read_training_facts(self.store)
        stages = funnel(facts, tally_of(self.store), training)
        told = [(stage, share(stage, stages)) for stage in stages]
        return {
            "funnel": self._html("funnel", stages=told, damaged=facts.damaged),
            "rules": self._html("rules", grid=grid, strips=[strip(grid, number) for number in range(len(grid.lines))]),
            "quarantine": self._html(
                "quarantine", kinds=_by_kind(facts), most=max(_by_kind(facts).values(), default=1)
            ),
            "training": self._html(
                "training",
                training=training,
                pictures=[
                    (each, name, curves({name: line}))
                    for each in training.trained
                    for name, line in each.curves.items()
                ],
                size=(WIDTH, HEIGHT),
            ),
        }

    def part(self, name: str) -> str:
        """One of LATER."""
        made = {"drift": self._drift, "lengths": self._lengths, "cost": self._cost, "fresh": self._fresh}
        return made[name]()

    def all(self) -> dict[str, str]:
        """Every part, in the order of the page."""
        found = {**self.first(), **{name: self.part(name) for name in LATER}}
        return {name: found[name] for name in TITLES}

    def _drift(self) -> str:
        spreads = read_spreads(self.store, self._kept)
        last = max(spreads, default="")
        limits = limits_of(self.store.identity("signals", last) if last else None)
        found = self._drifts.of((tuple(map(id, spreads.values())), limits), lambda: drift_of_shards(spreads, limits))
        cells = [
            Cell(
                at,
                {"drifted": "h5", "as before": "ov-same", "too few": "h0"}[each.verdict],
                shard,
                _drift_says(each),
                f"/queue?{urlencode({'shard': shard})}",
            )
            for at, (shard, each) in enumerate(found.items())
        ]
        drifted = [each for each in found.values() if each.verdict == "drifted"]
        verdicts = Counter(each.verdict for each in found.values())
        return self._html("drift", cells=cells, drifted=drifted, verdicts=verdicts, least=limits.drift_rows)

    def _lengths(self) -> str:
        return self._html("lengths", kinds=histograms(read_lengths(self.store, self._kept)), bins=LENGTH_BINS)

    def _cost(self) -> str:
        facts, training = read_facts(self.store, self._kept), read_training_facts(self.store)
        shards, splits = document_shards(self.store, self._kept)
        groups = self._groups.of(ledger_stamp(self.store), lambda: read_groups(self.store))
        aside = {
            step: {row["document_id"] for shard in shards_of for row in read_quarantine(self.store, step, shard)}
            for step, shards_of in _quarantined(facts).items()
        }
        rows = {gate: dataset.rows for gate, dataset in training.datasets.items()}
        costs: Costs = costs_of(groups, shards, splits, aside, rows, read_forecasts(self.store, self._kept))
        groups_shown = {**({"lost": costs.lost} if costs.lost else {}), **costs.by}
        return self._html("cost", costs=costs, groups=groups_shown, most=MOST_LISTED)

    def _fresh(self) -> str:
        facts, grid = read_facts(self.store, self._kept), read_grid(self.store, self._kept)
        wholes = fresh_wholes(facts, read_training_facts(self.store))
        return self._html("fresh", assets=freshness(facts, grid), wholes=wholes)

    def _html(self, part: str, **values: object) -> str:

        return self._templates.get_template(f"{part}.jinja").render(linked=self.linked, **values)


def strip(grid: RuleGrid, line: int) -> list[Cell]:
    """The shards in which a rule failed, in their places; one of an asset over all shards takes the whole strip."""
    found = grid.lines[line]
    places = {shard: at for at, shard in enumerate(grid.shards)}
    return [
        Cell(
            places.get(shard, 0),
            f"h{heat(cell.rows)}",
            shard,
            f"{shard}: {cell.says}",
            f"/violations?{urlencode({'check': found.name, 'shard': shard})}",
            max(1, len(grid.shards)) if shard == ALL_SHARDS else 1,
        )
        for shard, cell in found.cells.items()
    ]


def templates() -> "Environment":
    """Jinja2 with autoescape over the templates of the parts."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "line": lambda text: in_line(mask(str(text))),
        "number": lambda value: "–" if value is None else f"{value:,.0f}",
        "count": number_of,
        "money": lambda usd: "–" if usd is None else f"${usd:,.4f}" if usd < 1 else f"${usd:,.2f}",
        "share": lambda value: "–" if value is None else f"{value:.0%}",
        "time": lambda at: datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M"),
        "score": lambda value: "–" if value is None else f"{value:.1f}",
    }
    return made


def _by_kind(facts: Facts) -> dict[tuple[str, str], int]:
    found = Counter[tuple[str, str]]()
    for (step, kind, _), rows in facts.quarantine.items():
        found[step, kind] += rows
    return dict(found.most_common())


def _quarantined(facts: Facts) -> dict[str, set[str]]:
    found = dict[str, set[str]]()
    for step, _, shard in facts.quarantine:
        found.setdefault(step, set()).add(shard)
    return found


def _drift_says(drift: ShardDrift) -> str:
    if drift.verdict == "too few":
        return f"{drift.shard}: too few rows to tell ({drift.rows}, and {drift.before} before it)"
    if drift.verdict == "as before":
        return f"{drift.shard}: as the shards before it"
    return f"{drift.shard}: " + "; ".join(f"{signal.signal}: {signal.told()}" for signal in drift.drifted)
