"""An asset's rules as one Dagster multi-asset check, with a report file for every shard."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import dagster as dg
import pyarrow as pa

from assets.partitions import SHARDS
from assets.quality.check_metadata import SHOWN, check_metadata
from assets.quality.expectations import run_expectations
from assets.quality.names import all_shards, names_for
from assets.quality.outcome import (
    AssetRules,
    Context,
    Outcome,
    Rule,
    Violation,
    WholeRules,
    clean_outcome,
    with_sentence,
)
from assets.quality.quarantine import ALL_SHARDS, read_quarantine
from assets.quality.report import write_report
from assets.step import Step
from resources.dagster import StoreResource, clear_failures
from resources.store import Store


def asset_checks(step: Step, rules: AssetRules | WholeRules) -> dg.AssetChecksDefinition:
    """One step that reads the asset once and yields a verdict for every rule, also where a rule raises.

    The specs of a sharded asset are partitioned, so each shard keeps its own status; the asset must have no
    BackfillPolicy, with which Dagster would store them without a partition.
    """
    whole = rules if isinstance(rules, WholeRules) else None
    specs = [
        dg.AssetCheckSpec(
            rule.name,
            asset=step.name,
            description=rule.description,
            blocking=rule.blocking,
            additional_deps=whole.also_reads if whole else None,
            partitions_def=SHARDS if step.sharded else None,
        )
        for rule in rules.rules
    ]

    @dg.multi_asset_check(name=f"{step.name}_checks", specs=specs, can_subset=True)
    def checks(context: dg.AssetCheckExecutionContext, store: StoreResource) -> Iterator[dg.AssetCheckResult]:
        outcomes: Mapping[str, Outcome]
        with clear_failures():
            if isinstance(rules, AssetRules):
                outcomes = check_shard(store.create(), step.name, context.partition_key, rules)
            else:
                tables, outcomes = store.create(), check_whole(store.create(), rules)
                aside = len(read_quarantine(tables, step.name, ALL_SHARDS))
                write_report(tables, step.name, ALL_SHARDS, rules.rules, list(outcomes.values()), 0, aside)
        shard = context.partition_key if step.sharded else ALL_SHARDS
        selected = {key.name for key in context.selected_asset_check_keys}
        for rule in rules.rules:
            if rule.name in selected:
                yield check_result(step.name, shard, rule, outcomes[rule.name])

    return checks


def check_whole(store: Store, rules: WholeRules) -> dict[str, Outcome]:
    """The outcome of every rule on a whole asset. What `evaluate` raises fails them all."""
    outcomes: Mapping[str, Outcome]
    try:
        outcomes = with_names(store, all_shards(store), rules.evaluate(store))
    except Exception as error:
        failed = f"could not evaluate: {type(error).__name__}: {error}"[:500]
        outcomes = {rule.name: Outcome(rule.name, False, {}, failed) for rule in rules.rules}
    return _shown(rules.rules, outcomes)


def check_shard(store: Store, asset: str, shard: str, asset_rules: AssetRules) -> dict[str, Outcome]:
    """The outcome of every rule on one shard, which its report holds too. What a rule raises fails the rule."""
    outcomes: dict[str, Outcome] = {}
    rows = 0
    try:
        table = store.read_table(asset, shard)
        rows = table.num_rows
    except (OSError, pa.ArrowException) as error:
        outcomes = {
            rule.name: Outcome(rule.name, False, {}, f"the table cannot be read: {error}") for rule in asset_rules.rules
        }
    else:
        context = Context(store, shard, table, store.identity(asset, shard))
        outcomes = {
            **_expected(context, asset_rules),
            **{name: _plain(context, name, asset_rules) for name in asset_rules.plain},
        }
        for rule in asset_rules.rules:
            outcomes.setdefault(rule.name, Outcome(rule.name, False, {}, "no expectation or function states this rule"))
        outcomes = with_names(store, [shard], outcomes)
    shown, aside = _shown(asset_rules.rules, outcomes), len(read_quarantine(store, asset, shard))
    write_report(store, asset, shard, asset_rules.rules, list(shown.values()), rows, aside)
    return shown


def _shown(rules: Sequence[Rule], outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    return {rule.name: clean_outcome(with_sentence(rule, outcomes[rule.name])) for rule in rules}


def with_names(store: Store, shards: Iterable[str], outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """The outcomes, the failed ones with file and page: in the sentence in place of ids, beside the violations that
    the UI shows."""
    failed = [outcome for outcome in outcomes.values() if not outcome.passed]
    shown = (text for outcome in failed for each in outcome.found[:SHOWN] for text in (each.id, each.why))
    names = names_for(store, shards, chain((outcome.description for outcome in failed), shown))

    def told(outcome: Outcome) -> Outcome:
        first = [Violation(each.id, names.told(each.why), names.where(each.id)) for each in outcome.found[:SHOWN]]
        return replace(outcome, description=names.told(outcome.description), found=[*first, *outcome.found[SHOWN:]])

    return {name: outcome if outcome.passed else told(outcome) for name, outcome in outcomes.items()}


def check_result(asset: str, shard: str, rule: Rule, outcome: Outcome) -> dg.AssetCheckResult:
    """The verdict as Dagster has it: a violated blocking rule is an error, any other a warning."""
    severity = dg.AssetCheckSeverity.ERROR if rule.blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=rule.name,
        passed=outcome.passed,
        severity=severity,
        description=outcome.description or None,
        metadata=check_metadata(asset, shard, outcome.rule, outcome.metadata, outcome.found),
    )


def _expected(context: Context, asset_rules: AssetRules) -> dict[str, Outcome]:
    names = [rule.name for rule in asset_rules.rules if rule.name not in asset_rules.plain]
    if not names:
        return {}
    if context.table.num_rows == 0:  # no row can violate a rule; and Great Expectations cannot type an empty frame
        return {name: Outcome(name, True, {"unexpected": 0}) for name in names}
    try:
        frame = asset_rules.flatten(context.table)
        return {
            outcome.rule: outcome
            for outcome in run_expectations(frame, asset_rules.expectations(context.limits), str(frame.columns[0]))
        }
    except Exception as error:
        return {
            name: Outcome(name, False, {}, f"could not evaluate: {type(error).__name__}: {error}"[:500])
            for name in names
        }


def _plain(context: Context, name: str, asset_rules: AssetRules) -> Outcome:
    try:
        return asset_rules.plain[name](context)
    except Exception as error:
        return Outcome(name, False, {}, f"could not evaluate: {type(error).__name__}: {error}"[:500])
