"""The card of a checkpoint says what it is, labels what is embedded, and takes its scores once."""

import json
from pathlib import Path
from typing import Any

import yaml

from assets.checkpoint_card import CARD, add_scores, render_card, write_card
from assets.training_dataset import Manifest
from resources.store import Store

RECORD: Any = {
    "kind": "sft",
    "base": "org/base",
    "student": "tiny",
    "steps": 1200,
    "tokens": 98765,
    "recipe": {"learning_rate": 1e-5, "max_pixels": None},
}


def manifest(author: str) -> Manifest:
    return Manifest("d1", "sft", "/x/train.parquet", 20, {}, {author: 20}, ["s-001"], made_with={"recipe_hash": "abc"})


def test_a_card_has_base_data_set_recipe_and_who_wrote_the_data() -> None:
    card = render_card(RECORD, "run1", manifest("gpt-x"))
    front = yaml.safe_load(card.split("---")[1])
    assert front["base_model"] == "org/base"
    assert all(says in card for says in ("d1, 20 rows", "abc (data), run1 (run)", "gpt-x", "1,200", "`learning_rate`"))
    assert "max_pixels" not in card and "embedded" not in card


def test_a_folder_of_this_machine_is_named_by_its_end_and_is_no_base_of_the_hub() -> None:
    base = "/home/ann/.lwv/checkpoints/sft/184d"
    card = render_card({**RECORD, "base": base, "student": "/home/ann/models/qwen"}, "run1", manifest("gpt-x"))
    assert "ann" not in card and "base_model" not in card
    assert "| base | sft/184d |" in card and "| student | models/qwen |" in card


def test_what_the_embedded_model_wrote_is_labelled() -> None:
    assert "shows that the factory works" in render_card(RECORD, "run1", manifest("embedded-teacher-1"))


def test_names_from_outside_are_text() -> None:
    bad = "<script>x</script>|[a](http://b)\n---\n"
    card = render_card({**RECORD, "base": bad, "student": bad}, "run1", manifest(bad))
    assert "<script>" not in card.split("---", 2)[2] and "](http://b)" not in card.split("---", 2)[2]
    assert yaml.safe_load(card.split("\n---\n")[0].removeprefix("---\n"))["library_name"] == "transformers"


def test_scores_replace_older_ones(tmp_path: Path) -> None:
    store, output = Store(tmp_path), tmp_path / "checkpoints" / "sft" / "run1"
    output.mkdir(parents=True)
    (output / "training.json").write_text(json.dumps(RECORD))
    add_scores(store, output, "h", {"S": 1.0})  # no card yet: nothing to add to
    assert not (output / CARD).exists()
    write_card(store, output, manifest("gpt-x"))
    add_scores(store, output, "harness-1; judge: j", {"S": 50.04, "S_l": None})
    add_scores(store, output, "harness-2; judge: j", {"S": 61.25, "S_q": 70.0})
    card = (output / CARD).read_text()
    assert card.count("## Scores") == 1 and "harness-2" in card and "harness-1" not in card
    assert "| S | 61.2 |" in card and "S\\_l" not in card
