"""The quality gate: which shards may be trained on, by their reports."""

from collections.abc import Sequence

from assets.quality.shard_states import Problem, ShardStates, shard_states
from assets.run_view import RunView
from assets.step import Step
from assets.steps import STEP_OF, gated_by
from resources.identity import UNKNOWN_RECIPE, TableIdentity, recipe_differences
from resources.store import Store


class GateClosedError(RuntimeError):
    """A shard may not be trained on; the sentence names each one and what to do."""


def open_gate(store: Store, step: Step, view: RunView, mixed_recipes: bool) -> ShardStates:
    """The finished shards, each with a good report for each asset that the gate reads, and the pending ones,
    which it leaves out. Assets that a shard may lack (`Step.optional`) count where they are there.

    Raises GateClosedError where a shard failed or is broken, where none is finished, and unless mixed_recipes lets them
    through, where their tables were not made from each other or under several recipes.
    """
    if not view.shards:
        raise GateClosedError("There is no shard yet: put documents under LWV_SOURCES and run the shard job.")
    optional = [name for name in step.optional if STEP_OF[name].sharded]
    states = shard_states(store, view, gated_by(step), optional)
    if states.problems:
        raise GateClosedError(
            f"{len(states.problems)} quality reports keep the quality gate closed: {_listed(states.problems)}. "
            "Materialise these shards again, or look at their checks."
        )
    if not states.finished:
        raise GateClosedError(f"No shard is finished, {states.note}. Run shard_job for them, or wait until they are.")
    shards = states.finished
    read = {name: [shard for shard in shards if store.has_table(name, shard)] for name in (*gated_by(step), *optional)}
    if not mixed_recipes and (
        older := [problem for name, some in read.items() for problem in outdated(store, name, some)]
    ):
        raise GateClosedError(
            f"{len(older)} tables were made from others than there are now: {_listed(older)}. Materialise these shards "
            "again (refresh_job makes what is stale), or let them through with gate.mixed_recipes = true in the recipe "
            "(LWV_RECIPE)."
        )
    if not mixed_recipes and (
        mixtures := [says for name, some in read.items() if (says := mixture(store, name, some))]
    ):
        raise GateClosedError(
            f"{'; '.join(mixtures)}. Materialise the shards of one of them again (refresh_job makes what is stale), or "
            "let them through together with gate.mixed_recipes = true in the recipe (LWV_RECIPE)."
        )
    return states


def outdated(store: Store, asset: str, shards: Sequence[str]) -> list[Problem]:
    """The shards whose table was made from another table than there is now: from instructions of an older recipe, say,
    which its own recipe does not tell. Those from before tables had an identity do not say what they were made from."""
    found = []
    for shard in shards:
        identity = store.identity(asset, shard)
        for name, content in identity.upstream.items() if identity else ():
            if store.has_table(name, shard) and store.content(name, shard) != content:
                found.append(Problem(shard, asset, f"made from another `{name}`"))
    return found


def _listed(problems: Sequence[Problem]) -> str:
    listed = "; ".join(f"{problem.shard}/{problem.asset}: {problem.reason}" for problem in problems[:20])
    return listed + (f" (and {len(problems) - 20} more)" if len(problems) > 20 else "")


def mixture(store: Store, asset: str, shards: Sequence[str]) -> str:
    """Which shards of an asset were made under which recipe, and in what these differ; empty where it is one.

    Tables that were written before tables had an identity have an unknown recipe and are not compared.
    """
    found: dict[tuple[str, int], tuple[TableIdentity, list[str]]] = {}
    for shard in shards:
        if identity := store.identity(asset, shard):
            found.setdefault((identity.recipe_hash, identity.schema_version), (identity, []))[1].append(shard)
    if len(found) < 2:
        return ""
    (first, (most, _)), *others = sorted(found.items(), key=lambda item: -len(item[1][1]))
    groups = [
        f"{_count(found[first][1])} under recipe {most.recipe_hash}",
        *(f"{_count(some)} under {identity.recipe_hash}" for _, (identity, some) in others),
    ]
    fields = sorted({name for _, (identity, _) in others for name in recipe_differences(most, identity)})
    return f"{asset}: {', '.join(groups)}: differ in {', '.join(fields)}"


def unknown_recipes(store: Store, assets: Sequence[str], shards: Sequence[str]) -> list[str]:
    """Those of these shards that have a table which was written before tables had an identity."""
    return [
        shard
        for shard in shards
        if any(store.has_table(asset, shard) and store.identity(asset, shard) is None for asset in assets)
    ]


def unknown_recipe_metadata(store: Store, step: Step, shards: Sequence[str]) -> dict[str, int | str]:
    """How many of the shards that a gate reads are of an unknown recipe, and where there are any, which."""
    unknown = unknown_recipes(store, gated_by(step), shards)
    named = {"made_before": f"{UNKNOWN_RECIPE}: {_count(unknown)} written before 0.2"} if unknown else {}
    return {"shards_of_unknown_recipe": len(unknown), **named}


def _count(shards: Sequence[str]) -> str:
    named = f" ({', '.join(sorted(shards)[:3])}{', …' if len(shards) > 3 else ''})"
    return f"{len(shards)} shard{'s' if len(shards) > 1 else ''}{named}"
