"""How fresh each asset is: when its tables were written and checked, which are older than what they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from assets.quality_report.rule_grid import RuleGrid
from assets.quality_report.table_facts import Facts
from assets.steps import STEPS


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
