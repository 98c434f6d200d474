"""Scores per answer and per model, and the summary that people read; every score names its harness and judge."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import TypeAlias, TypedDict, cast

from assets.benchmark_scores.items import Item
from assets.benchmark_scores.schema import Score
from assets.benchmark_scores.score_files import BENCHMARK, MODELS, summary_path
from assets.judging.judge import quality_score
from resources.authors import is_embedded
from resources.damaged_files import read_object
from resources.failures import AnswerError
from resources.store import Store
from resources.text.length_score import length_score, length_score_released
from resources.text.words import count_words

HARNESS = "lwv held_out 3"  # raise with any change to how texts are generated or scored
REFUSED = ("refused", "filtered")  # kinds of AnswerError

# items, judged: how many; S, S_l, S_l_released, S_q: 0-100; words. None: no item was judged.
Means: TypeAlias = dict[str, float | None]


class Summary(TypedDict):
    """The scores of every model, as the file holds them."""

    harness: str
    judge: str  # its model
    student: str
    teacher: str  # the model that wrote the references
    models: dict[str, Means]
    checkpoints: dict[str, str]  # model -> the id of the checkpoint that wrote its answers: sft, dpo


class ScoreTable(TypedDict):
    """The scores as a table for people."""

    harness: str
    judge: str
    rows: list[tuple[str | int, ...]]  # model, items, S, S_l, S_l released, S_q, words
    note: str  # what the numbers are worth


def score_row(
    model: str,
    item: Item,
    output: str,
    judged: Mapping[str, int] | AnswerError,
    judge: str,
) -> Score:
    """judged: the six scores, 1-5, or why there are none."""
    scores, unjudged = (None, judged.kind) if isinstance(judged, AnswerError) else (judged, None)
    words, mean = count_words(output), scores or {}
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
        "relevance": mean.get("relevance"),
        "accuracy": mean.get("accuracy"),
        "coherence": mean.get("coherence"),
        "clarity": mean.get("clarity"),
        "breadth_and_depth": mean.get("breadth_and_depth"),
        "reading_experience": mean.get("reading_experience"),
        "quality_score": quality_score(scores) if scores else None,
        "votes": 1 if scores else 0,
        "refused": unjudged in REFUSED,
        "unjudged": unjudged,
        "judge": judge,
        "harness": HARNESS,
        "output": output,
    }


def summarise(rows: Iterable[Score]) -> dict[str, Means]:
    """model -> means over its items: S = (S_l + S_q) / 2, both length scores, S_q over the items that were judged."""
    summary: dict[str, Means] = {}
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


def write_summary(
    store: Store, rows: Sequence[Score], student: str, teacher: str, checkpoints: Mapping[str, str]
) -> Summary:
    """Write and return the summary of `rows`, which has at least one. checkpoints: as the summary has them."""
    value: Summary = {
        "harness": HARNESS,
        "judge": rows[0]["judge"],
        "student": student,
        "teacher": teacher,
        "models": summarise(rows),
        "checkpoints": dict(checkpoints),
    }
    store.write_json(summary_path(store), value)
    return value


def read_means(store: Store) -> dict[str, Means]:
    """model -> its means, as `summarise` made them; empty where nothing was scored yet."""
    path = summary_path(store)
    models: dict[str, Means] = read_object(path, "models")["models"] if path.exists() else {}
    return {model: models[model] for model in MODELS if model in models}


def read_summary(store: Store) -> ScoreTable | None:
    """The last summary; None where nothing was scored yet."""
    path = summary_path(store)
    if not path.exists():
        return None
    value = cast(Summary, read_object(path, "models", "judge", "student", "teacher"))
    columns = ("S", "S_l", "S_l_released", "S_q", "words")
    rows: list[tuple[str | int, ...]] = [
        (model, int(means["items"] or 0), *(_cell(means[name]) for name in columns))
        for model in MODELS
        if (means := value["models"].get(model)) is not None
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
