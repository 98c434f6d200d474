"""Where scores are, and whose."""

from pathlib import Path

from resources.store import Store

BENCHMARK = "held_out"
MODELS = ("base", "sft", "dpo", "teacher")


def scores_path(store: Store) -> Path:
    """The scores table: a row per model and item (schema.py)."""
    return store.home / "scores" / BENCHMARK / "scores.parquet"


def answers_path(store: Store, asked: str) -> Path:
    """The JSON lines of what checkpoints wrote. asked: hash of the harness and of how they sample."""
    return store.home / "scores" / BENCHMARK / f"answers-{asked}.jsonl"


def summary_path(store: Store) -> Path:
    """The means of each model, with harness, judge, student and teacher."""
    return store.home / "scores" / BENCHMARK / "summary.json"
