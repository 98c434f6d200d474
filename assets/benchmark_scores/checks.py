"""The rules that the scores must keep before they are reported."""

import pyarrow.parquet as pq

from assets.benchmark_scores.score_files import scores_path
from assets.quality.model_markup import NO_MODEL_MARKUP, markup_in
from assets.quality.outcome import Outcome, Rule, WholeRules, violations
from resources.store import Store

RULES = (
    Rule("every_model_scored", "Base, SFT and DPO have a row for every item."),
    Rule("scores_in_range", "Length and quality scores lie between 0 and 100."),
    NO_MODEL_MARKUP,
    Rule("judged", "The judge gave scores for at least nine answers in ten.", blocking=False),
    Rule("trained_not_worse", "SFT scores no lower than the base on length.", blocking=False),
)


def evaluate(store: Store) -> dict[str, Outcome]:
    """The outcome of every rule on what the asset wrote last."""
    rows = pq.read_table(scores_path(store)).to_pylist()
    items = {row["item_id"] for row in rows}
    scored = {(row["model"], row["item_id"]) for row in rows}
    missing = [f"{model} {item}" for model in ("base", "sft", "dpo") for item in items if (model, item) not in scored]
    strange = [
        row["item_id"]
        for row in rows
        if not all(0 <= row[name] <= 100 for name in ("length_score", "quality_score") if row[name] is not None)
    ]
    refused, unjudged = (sum(bool(row[name]) for row in rows) for name in ("refused", "unjudged"))
    means = {
        model: sum(row["length_score"] for row in rows if row["model"] == model) / max(1, len(items))
        for model in ("base", "sft")
    }
    found = (
        violations("every_model_scored", missing, len(rows), "answers are missing"),
        violations("scores_in_range", strange, len(rows), "scores are out of range"),
        markup_in(rows, "item_id"),
        Outcome("judged", unjudged <= 0.1 * len(rows), {"unjudged": unjudged, "refused": refused, "rows": len(rows)}),
        Outcome(
            "trained_not_worse", means["sft"] >= means["base"], {"S_l_base": means["base"], "S_l_sft": means["sft"]}
        ),
    )
    return {outcome.rule: outcome for outcome in found}


CHECKS = WholeRules(RULES, evaluate)
