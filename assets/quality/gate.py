"""The quality gate: which shards may be trained on, by their reports."""

from collections.abc import Sequence
from dataclasses import dataclass

from assets.quality.report import read_report, table_hash
from assets.step import Step
from assets.steps import STEP_OF, gated_by
from resources.identity import UNKNOWN_RECIPE, TableIdentity, recipe_differences
from resources.store import Store


class GateClosedError(RuntimeError):
    """A shard may not be trained on; the sentence names each one and what to do."""


@dataclass(frozen=True)
class Problem:
    """Why one shard may not be trained on."""

    shard: str
    asset: str
    reason: str
    failed: bool = False  # a blocking rule of its own


def open_gate(store: Store, step: Step, shards: Sequence[str], mixed_recipes: bool) -> None:
    """Raise GateClosedError unless every shard has a passing, current report for each asset that the gate reads, and
    they were made from each other and under one recipe, or mixed_recipes lets them through.

    Assets that a shard may lack (`Step.optional`) count where they are there.
    """
    if not shards:
        raise GateClosedError("There is no shard yet: put documents under LWV_SOURCES and run the shard job.")
    read = {name: [shard for shard in shards if store.has_table(name, shard)] for name in step.optional}
    read = {name: some for name, some in read.items() if STEP_OF[name].sharded}
    read |= {name: list(shards) for name in gated_by(step)}
    problems = [problem for name, some in read.items() for problem in gate(store, [name], some)]
    if problems:
        failed = {problem.shard for problem in problems if problem.failed}
        # What follows from a failed table was not made: the failure says why.
        problems = [problem for problem in problems if problem.failed or problem.shard not in failed]
        raise GateClosedError(
            f"{len(problems)} quality reports keep the quality gate closed: {_listed(problems)}. "
            "Materialise these shards again, or look at their checks."
        )
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


def gate(store: Store, assets: Sequence[str], shards: Sequence[str]) -> list[Problem]:
    """What keeps these shards from training: no report, a failed blocking rule, or a table newer than its report.

    The report files decide: Dagster's own gating ends with the run (docs/quality.md).
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
                    f"{outcome['rule']} ({outcome['description'].removeprefix(f'{asset} {shard}: ')})"
                    for outcome in report["outcomes"]
                    if outcome["blocking"] and not outcome["passed"]
                ]
                problems.append(Problem(shard, asset, "failed " + ", ".join(failed), failed=True))
    return problems
