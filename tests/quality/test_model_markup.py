"""The blocking rule that no model markup stands in what has no shards: both training datasets and the scores."""

from pathlib import Path
from typing import Any

import pytest

from assets.benchmark_scores.checks import CHECKS as SCORE_CHECKS
from assets.benchmark_scores.schema import BENCHMARK_SCORES
from assets.benchmark_scores.score_files import MODELS, scores_path
from assets.preference_dataset.checks import CHECKS as PREFERENCE_CHECKS
from assets.preference_dataset.schema import PREFERENCE_DATASET
from assets.quality.outcome import Outcome, WholeRules
from assets.sft_dataset.checks import CHECKS as SFT_CHECKS
from assets.sft_dataset.schema import SFT_DATASET
from assets.training_dataset import write_dataset
from resources.identity import TableIdentity
from resources.store import Store
from resources.table import Table

THOUGHT = "Okay, the user wants a text.\n</think>\n\nThe river is long."
SFT = {
    "id": "a",
    "messages": [{"role": "user", "content": "Write."}, {"role": "assistant", "content": "The river is long."}],
    "images": [],
    "language": "en",
    "kind": "single",
    "required_words": None,
    "words": 4,
    "author": "m",
}
PAIR = {
    **dict.fromkeys(PREFERENCE_DATASET.schema.names, ""),
    "id": "p",
    "chosen": "The river is long.",
    "rejected": "The river is short.",
    "chosen_starts": [],
    "rejected_starts": [],
    "closes": True,
    "weight": 1.0,
    "kind": "whole",
    "images": [],
    "upto": 1,
}
ROW = {
    **dict.fromkeys(BENCHMARK_SCORES.schema.names),
    **dict.fromkeys(("model", "benchmark", "item_id", "task", "language", "judge", "harness"), "x"),
    **dict.fromkeys(("required_words", "words", "votes"), 1),
    **dict.fromkeys(("length_score", "length_score_released"), 50.0),
    "refused": False,
    "output": "The river is long.",
}


def outcome(rules: WholeRules, store: Store) -> Outcome:
    assert next(rule for rule in rules.rules if rule.name == "no_model_markup").blocking
    return rules.evaluate(store)["no_model_markup"]


def write(store: Store, gate: Any, table: Table[Any], row: dict[str, Any]) -> None:
    report = {"kind_shares": {"whole": 1.0}} if gate == "preference" else None
    write_dataset(store, gate, [], table, [row], lambda _: ("kind",), lambda: "", TableIdentity(1), report)


@pytest.mark.parametrize("turn", [0, 1])
def test_a_thought_in_either_turn_of_the_sft_dataset_is_found(tmp_path: Path, turn: int) -> None:
    store = Store(tmp_path)
    write(store, "sft", SFT_DATASET, SFT)
    assert outcome(SFT_CHECKS, store).passed
    messages = [dict(message) for message in SFT["messages"]]
    messages[turn]["content"] = THOUGHT
    write(store, "sft", SFT_DATASET, {**SFT, "messages": messages})
    assert "a messages.content: </think>" in outcome(SFT_CHECKS, store).description


@pytest.mark.parametrize("column", ["prompt", "prefix", "chosen", "rejected"])
def test_a_thought_in_any_text_of_a_pair_is_found(tmp_path: Path, column: str) -> None:
    store = Store(tmp_path)
    write(store, "preference", PREFERENCE_DATASET, PAIR)
    assert outcome(PREFERENCE_CHECKS, store).passed
    write(store, "preference", PREFERENCE_DATASET, {**PAIR, column: THOUGHT})
    assert f"p {column}: </think>" in outcome(PREFERENCE_CHECKS, store).description


def test_a_thought_in_an_answer_to_the_benchmark_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [{**ROW, "model": model} for model in MODELS]
    store.write_parquet(scores_path(store), rows, BENCHMARK_SCORES.schema, TableIdentity(1))
    assert outcome(SCORE_CHECKS, store).passed
    rows[-1] = {**rows[-1], "output": THOUGHT}
    store.write_parquet(scores_path(store), rows, BENCHMARK_SCORES.schema, TableIdentity(1))
    assert "output: </think>" in outcome(SCORE_CHECKS, store).description
