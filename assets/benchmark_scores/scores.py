"""Scores per answer and per model, and the summary that people read; every score names its harness and judge."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from assets.benchmark_scores.items import BENCHMARK, Item
from assets.judging.judge import DIMENSIONS, quality_score
from resources.authors import is_embedded
from resources.failures import AnswerError
from resources.store import Store
from resources.text.length_score import length_score, length_score_released
from resources.text.words import count_words

HARNESS = "lwv held_out 2"  # raise with any change to how texts are generated or scored
MODELS = ("base", "sft", "dpo", "teacher")
REFUSED = ("refused", "filtered")  # kinds of AnswerError


def score_row(
    model: str,
    item: Item,
    output: str,
    judged: dict[str, int] | AnswerError,
    judge: str,
) -> dict[str, Any]:
    """judged: the six scores, or why there are none."""
    scores, unjudged = (None, judged.kind) if isinstance(judged, AnswerError) else (judged, None)
    words = count_words(output)
    return {
        "model": model,
        "benchmark": BENCHMARK,
        "item_id": item["item_id"],
        "task": item["task"],
        "language": item["language"],
        "required_words": item["required_words"],
        "words": words,
        "length_score": length_score(words, item["required_words"]),
        "length_score_released": length_score_released(words, item["required_words"]),
        **{name: scores[name] if scores else None for name in DIMENSIONS},
        "quality_score": quality_score(scores) if scores else None,
        "votes": 1 if scores else 0,
        "refused": unjudged in REFUSED,
        "unjudged": unjudged,
        "judge": judge,
        "harness": HARNESS,
        "output": output,
    }


def summarise(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """model -> means over its items: S = (S_l + S_q) / 2, both length scores, S_q over the items that were judged."""
    summary: dict[str, dict[str, float | None]] = {}
    found = list(rows)
    for model in MODELS:
        mine = [row for row in found if row["model"] == model]
        if not mine:
            continue
        judged = [row["quality_score"] for row in mine if row["quality_score"] is not None]
        s_l, s_q = fmean(row["length_score"] for row in mine), fmean(judged) if judged else None
        summary[model] = {
            "items": len(mine),
            "judged": len(judged),
            "S": (s_l + s_q) / 2 if s_q is not None else None,
            "S_l": s_l,
            "S_l_released": fmean(row["length_score_released"] for row in mine),
            "S_q": s_q,
            "words": fmean(row["words"] for row in mine),
        }
    return summary


def scores_path(store: Store) -> Path:
    """The scores table: a row per model and item (schema.py)."""
    return store.home / "scores" / BENCHMARK / "scores.parquet"


def answers_path(store: Store, run: str) -> Path:
    """The JSON lines of what the checkpoints wrote; `run`: hash of harness, checkpoints and items."""
    return store.home / "scores" / BENCHMARK / f"answers-{run}.jsonl"


def summary_path(store: Store) -> Path:
    """The means of each model, with harness, judge, student and teacher."""
    return store.home / "scores" / BENCHMARK / "summary.json"


def write_summary(store: Store, rows: Sequence[dict[str, Any]], student: str, teacher: str) -> dict[str, Any]:
    """Write and return the summary of `rows`, which has at least one."""
    judge = rows[0]["judge"]
    value = {"harness": HARNESS, "judge": judge, "student": student, "teacher": teacher, "models": summarise(rows)}
    store.write_json(summary_path(store), value)
    return value


def read_means(store: Store) -> dict[str, dict[str, float | None]]:
    """model -> its means, as `summarise` made them; empty where nothing was scored yet."""
    path = summary_path(store)
    models = json.loads(path.read_text())["models"] if path.exists() else {}
    return {model: models[model] for model in MODELS if model in models}


def read_summary(store: Store) -> dict[str, Any] | None:
    """The last summary as table cells, with a note on what the numbers are worth; None where there is none."""
    path = summary_path(store)
    if not path.exists():
        return None
    value = json.loads(path.read_text())
    columns = ("S", "S_l", "S_l_released", "S_q", "words")
    rows = [
        (model, int(value["models"][model]["items"]), *(_cell(value["models"][model][name]) for name in columns))
        for model in MODELS
        if model in value["models"]
    ]
    notes = [f"base, sft and dpo are the student `{value['student']}`; teacher is what {value['teacher']} wrote."]
    if value["student"] == "tiny":
        notes.append(
            "The tiny student has random weights and a few training steps: it shows that training works, "
            "not how well it writes."
        )
    if is_embedded(value["judge"]):
        notes.append("S_q is by the embedded judge's written-down heuristics, not by a model.")
    return {"harness": value["harness"], "judge": value["judge"], "rows": rows, "note": " ".join(notes)}


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
