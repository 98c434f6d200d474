"""The model card in a checkpoint's folder: what it was trained from, on what, how, and how it scored."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from assets.training_dataset import Manifest
from resources.identity import UNKNOWN_RECIPE
from resources.secrets import mask
from resources.store import Store
from resources.text.shown import markdown, visible
from resources.training.checkpoint import read_training
from resources.training.training_record import TrainingRecord

CARD = "README.md"
EMBEDDED = (
    "> The embedded model, written-down heuristics, wrote or judged some of the data: this checkpoint shows that the "
    "factory works, and not how well a model writes."
)
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
SCORES = "## Scores"  # the last section: scoring comes after training


def write_card(store: Store, output: Path, manifest: Manifest) -> None:
    """The card of a checkpoint that was trained on a training dataset, in one rename."""
    text = render_card(read_training(output), output.name, manifest)
    store.write_bytes(output / CARD, mask(text).encode("utf-8", "replace"))


def add_scores(store: Store, output: Path, says: str, scores: Mapping[str, float | None]) -> None:
    """Put its scores onto the card, in place of older ones. says: harness and judge."""
    card = output / CARD
    if not card.exists():  # of a checkpoint from before there were cards
        return
    known = card.read_text(encoding="utf-8").partition(f"\n{SCORES}")[0].rstrip()
    rows = "\n".join(f"| {markdown(name)} | {value:.1f} |" for name, value in scores.items() if value is not None)
    text = f"{known}\n\n{SCORES}\n\n{markdown(says)}\n\n| score | value |\n|---|---|\n{rows}\n"
    store.write_bytes(card, mask(text).encode("utf-8", "replace"))


def render_card(training: TrainingRecord, name: str, manifest: Manifest) -> str:
    """Markdown with the hub's YAML in front. Pure."""
    on_the_hub = {"base_model": training["base"]} if HUB_ID.fullmatch(training["base"]) else {}
    front = {**on_the_hub, "library_name": "transformers", "tags": ["long-output", training["kind"]]}
    facts = {
        "base": named(training["base"]),
        "student": named(training["student"]),
        "trained": {"sft": "supervised fine-tuning", "dpo": "preference training (DPO)"}[training["kind"]],
        "training dataset": f"{manifest.id}, {manifest.rows:,} rows",
        "recipe": f"{manifest.made_with.get('recipe_hash', UNKNOWN_RECIPE)} (data), {name} (run)",
        "who wrote the data": ", ".join(sorted(manifest.authors)),
        "steps": f"{training['steps']:,}",
        "tokens": f"{training['tokens']:,}",
    }
    numbers = {f"`{field}`": value for field, value in sorted(training["recipe"].items()) if value is not None}
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---",
        f"# {training['kind'].upper()} checkpoint {name}",
        *([EMBEDDED] if manifest.embedded else []),
        "Made with the LongWriter-V recipe ([arXiv 2502.14834](https://arxiv.org/abs/2502.14834)) by lwv-dagster.",
        _table(facts),
        "## Hyperparameters",
        _table(numbers),
    ]
    return "\n\n".join(parts) + "\n"


def named(model: str) -> str:
    """A model as others know it: a hub id, or of a folder the end of its path, which is no affair of theirs. Pure."""
    return visible(model if HUB_ID.fullmatch(model) else "/".join(Path(model).parts[-2:]).lstrip("/"))


def _table(values: Mapping[str, object]) -> str:
    rows = (f"| {name} | {markdown(str(value))} |" for name, value in values.items())
    return "\n".join(["| | |", "|---|---|", *rows])
