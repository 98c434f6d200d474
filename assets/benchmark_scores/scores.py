"""Scores per answer and per model, and the summary that people read; every score names its harness and judge."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import TypeAlias, TypedDict, cast

from assets.benchmark_scores.intervals import Part, interval
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

HARNESS = "lwv held_out 4"  # raise with any change to how texts are generated or scored
TELLING = 3  # documents, from which on an interval is shown
REFUSED = ("refused", "filtered")  # kinds of AnswerError

# items, documents, judged, cut (by the limit of tokens): how many; S, S_l, S_l_released, S_q: 0-100, of them S, S_l and
# S_q each with _low and _high (`intervals`); words. None: no item was judged, or one document tells no interval.
Means: TypeAlias = dict[str, float | None]


class Summary(TypedDict):
    """The scores of every model, as the file holds them."""

    harness: str
    judge: str  # its model
    student: str
    teacher: str  # the model that wrote the references
    models: dict[str, Means]
    checkpoints: dict[str, str]  # model -> the id of the checkpoint that wrote its answers: sft, dpo


SCORE_COLUMNS = ("model", "items", "S", "S_l", "S_l released", "S_q", "words", "cut")


class ScoreTable(TypedDict):
    """The scores as a table for people."""

    harness: str
    judge: str
    rows: list[tuple[str | int, ...]]  # as SCORE_COLUMNS
    note: str  # what the numbers are worth


def score_row(
    model: str,
    item: Item,
    output: str,
    finish: str,
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
        "cluster": item["cluster"],
        "task": item["task"],
        "language": item["language"],
        "required_words": item["required_words"],
        "words": words,
        "finish": finish,
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
    """model -> means over its items: S = (S_l + S_q) / 2, both length scores, S_q over the items that were judged; of
    three of them intervals over documents."""
    summary: dict[str, Means] = {}
    found = list(rows)
    for model in MODELS:
        mine = [row for row in found if row["model"] == model]
        if not mine:
            continue
        length, quality = length_of(mine), quality_of(mine)
        summary[model] = {
            "items": len(mine),
            "documents": len({row["cluster"] for row in mine}),
            "judged": sum(value is not None for value in quality),
            "cut": sum(row["finish"] == "length" for row in mine),
            **with_interval("S", [Part(0.5, length), Part(0.5, quality)], mine),
            **with_interval("S_l", [Part(1.0, length)], mine),
            "S_l_released": fmean(row["length_score_released"] for row in mine),
            **with_interval("S_q", [Part(1.0, quality)], mine),
            "words": fmean(row["words"] for row in mine),
        }
    return summary


def length_of(rows: Iterable[Score]) -> list[float | None]:
    """The length score of each."""
    return [row["length_score"] for row in rows]


def quality_of(rows: Iterable[Score]) -> list[float | None]:
    """The quality score of each, None where it was not judged."""
    return [row["quality_score"] for row in rows]


def with_interval(name: str, parts: Sequence[Part], rows: Sequence[Score]) -> Means:
    """The mean of a measure of one model's rows, and its interval."""
    found = interval(parts, [row["cluster"] for row in rows])
    return {
        name: found.mean if found else None,
        f"{name}_low": max(0.0, found.low) if found and found.low is not None else None,
        f"{name}_high": min(100.0, found.high) if found and found.high is not None else None,
    }


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
    rows: list[tuple[str | int, ...]] = [
        (
            model,
            int(means["items"] or 0),
            _cell(means["S"], *interval_shown(means, "S")),
            *(_cell(means[name]) for name in ("S_l", "S_l_released", "S_q", "words")),
            int(means.get("cut") or 0),
        )
        for model in MODELS
        if (means := value["models"].get(model)) is not None
    ]
    notes = [f"base, sft and dpo are the student `{value['student']}`; teacher is what {value['teacher']} wrote."]
    if value["student"] == "tiny":
        notes.append(
            "The tiny student has random weights and a few training steps: it shows that training works, "
            "not how well it writes."
        )
    if any("(" in str(row[2]) for row in rows):
        notes.append("In brackets: where S lies in 95 of 100 such tests, over other documents.")
    else:
        notes.append(f"Fewer than {TELLING} documents: how sure S is cannot be told.")
    if any(row[-1] for row in rows):
        notes.append("cut: answers that their limit of tokens ended.")
    if is_embedded(value["judge"]):
        notes.append("S_q is by the embedded judge's written-down heuristics, not by a model.")
    return {"harness": value["harness"], "judge": value["judge"], "rows": rows, "note": " ".join(notes)}


def interval_shown(means: Means, name: str) -> tuple[float | None, float | None]:
    """The ends that people are shown; none where too few documents tell little but that."""
    if (means.get("documents") or 0) < TELLING:
        return None, None
    return means.get(f"{name}_low"), means.get(f"{name}_high")


def _cell(value: float | None, low: float | None = None, high: float | None = None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if low is None or high is None else f"{value:.1f} ({low:.0f}–{high:.0f})"
