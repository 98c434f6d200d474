"""How fresh each asset is: when its tables were written and checked, which are older than what they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from assets.quality_report.rule_grid import RuleGrid
from assets.quality_report.table_facts import Facts
from assets.quality_report.training_facts import TrainingFacts
from assets.steps import STEPS
from resources.text.shown import number_of


@dataclass(frozen=True)
class Fresh:
    """One asset. tables: how many shards have it; oldest, newest: when they were written, Unix time; missing: shards
    that have pages and not this; outdated: made from another table than there is now; unchecked: not checked since."""

    asset: str
    tables: int
    oldest: float
    newest: float
    missing: int
    outdated: list[str]
    unchecked: int
    recipes: int


def freshness(facts: Facts, grid: RuleGrid) -> list[Fresh]:
    """In the order of the lineage, of the assets that have tables by shard."""
    contents = {
        (table, shard): found.identity.content
        for table, shards in facts.tables.items()
        for shard, found in shards.items()
        if found.identity
    }
    shards = facts.tables.get("source_images", {}).keys()
    return [
        _fresh(step.name, facts, contents, shards - facts.tables[step.name].keys(), grid.checked.get(step.name, {}))
        for step in STEPS
        if step.name in facts.tables
    ]


@dataclass(frozen=True)
class FreshWhole:
    """A data set or checkpoint. at: when it was written, Unix time; says: what is newer than it."""

    what: str
    at: float
    says: str


def fresh_wholes(facts: Facts, training: TrainingFacts) -> list[FreshWhole]:
    """The current data sets, and the checkpoints."""
    found = []
    for gate in training.datasets:
        read = ("long_outputs",) if gate == "sft" else ("preference_pairs",)
        at = training.written[gate]
        newer = sum(table.at > at for name in read for table in facts.tables.get(name, {}).values())
        says = f"{number_of(newer, 'shard')} of {', '.join(read)} written since" if newer else ""
        found.append(FreshWhole(f"{gate}_dataset", at, says))
    for each in training.trained:
        says = "trained on an older data set than the gate let through last" if each.older else ""
        found.append(FreshWhole(f"{each.kind}_checkpoint", training.written[each.kind + "_checkpoint"], says))
    return found


def _fresh(
    asset: str, facts: Facts, contents: Mapping[tuple[str, str], str], missing: set[str], checked: Mapping[str, float]
) -> Fresh:
    tables = facts.tables[asset]
    outdated = [
        shard
        for shard, found in tables.items()
        if found.identity
        and any(contents.get((name, shard), content) != content for name, content in found.identity.upstream.items())
    ]
    times = [found.at for found in tables.values()]
    unchecked = sum(checked.get(shard, 0.0) < found.at for shard, found in tables.items())
    recipes = {found.identity.recipe_hash for found in tables.values() if found.identity}
    return Fresh(asset, len(tables), min(times), max(times), len(missing), outdated, unchecked, len(recipes))
