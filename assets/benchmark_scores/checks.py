"""The rules that the scores must keep before they are reported."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow.parquet as pq

from assets.benchmark_scores.intervals import Part, contrast
from assets.benchmark_scores.schema import BENCHMARK_SCORES, Score
from assets.benchmark_scores.score_files import scores_path
from assets.benchmark_scores.scores import length_of
from assets.quality.model_markup import NO_MODEL_MARKUP, markup_in
from assets.quality.outcome import Outcome, Rule, WholeRules, limits_of, violations
from resources.identity import read_identity
from resources.recipe.model import Checks
from resources.store import Store

RULES = (
    Rule("every_model_scored", "Base, SFT and DPO have a row for every item."),
    Rule("scores_in_range", "Length and quality scores lie between 0 and 100."),
    NO_MODEL_MARKUP,
    Rule("judged", "The judge scored at least the share checks.judged_share of the answers.", blocking=False),
    Rule(
        "trained_not_worse",
        "SFT scores no lower than the base on length, as far as the items can tell.",
        blocking=False,
    ),
)


class OldTableError(RuntimeError):
    """A table that lacks columns of today's."""


def evaluate(store: Store) -> dict[str, Outcome]:
    """The outcome of every rule on what the asset wrote last."""
    table = pq.read_table(scores_path(store))
    rows, limits = table.to_pylist(), limits_of(read_identity(pq.read_metadata(scores_path(store)).metadata))
    if lacking := [name for name in BENCHMARK_SCORES.schema.names if name not in table.column_names]:
        raise OldTableError(
            f"{scores_path(store)} was made by an older version (it lacks {', '.join(lacking)}): materialise "
            "`benchmark_scores` again."
        )
    items = {row["item_id"] for row in rows}
    scored = {(row["model"], row["item_id"]) for row in rows}
    missing = {
        item: f"{', '.join(lacking)} did not answer it"
        for item in sorted(items)
        if (lacking := [model for model in ("base", "sft", "dpo") if (model, item) not in scored])
    }
    strange = {
        row["item_id"]: f"{row['model']}: {row['length_score']} for length, {row['quality_score']} for quality"
        for row in rows
        if not all(0 <= row[name] <= 100 for name in ("length_score", "quality_score") if row[name] is not None)
    }
    found = (
        violations("every_model_scored", missing, len(items), "items lack an answer"),
        violations("scores_in_range", strange, len(rows), "scores are out of range"),
        markup_in(rows, "item_id"),
        judged(rows, limits),
        not_worse(rows),
    )
    return {outcome.rule: outcome for outcome in found}


def judged(rows: Sequence[Score], limits: Checks) -> Outcome:
    """By answer; what was not judged says why."""
    bad = {f"{row['item_id']} {row['model']}": row["unjudged"] for row in rows if row["unjudged"]}
    found = violations("judged", bad, len(rows), "answers were not judged")
    good = len(rows) - len(bad) >= limits.judged_share * len(rows)
    refused = sum(row["refused"] for row in rows)
    return replace(found, passed=good, metadata={"unjudged": len(bad), "refused": refused, "rows": len(rows)})


def not_worse(rows: Sequence[Score]) -> Outcome:
    """SFT against the base on length scores, paired by item: a warning where the interval of the difference says so."""
    mine, base = ({row["item_id"]: row for row in rows if row["model"] == model} for model in ("sft", "base"))
    items = [item for item in base if item in mine]
    found = contrast(
        [Part(1.0, length_of(mine[item] for item in items))],
        [Part(1.0, length_of(base[item] for item in items))],
        [base[item]["cluster"] for item in items],
    )
    if found is None:
        return Outcome("trained_not_worse", True, {})
    difference = found.difference
    shown = {"S_l_difference": difference.mean, "low": difference.low, "high": difference.high, "items": len(items)}
    worse = found.verdict == "worse"
    says = f"SFT scores {-difference.mean:.1f} less for length than the base model" if worse else ""
    return Outcome(
        "trained_not_worse", not worse, {name: value for name, value in shown.items() if value is not None}, says
    )


CHECKS = WholeRules(RULES, evaluate)
