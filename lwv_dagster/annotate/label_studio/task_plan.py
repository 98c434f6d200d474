"""The tasks of the project: what each holds, and which are to be made or deleted. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assets.signals.schema import Signal
from lwv_dagster.annotate.label_studio.labelling_project import KINDS_OF_ERROR, MODEL_VERSION, OBJECT
from lwv_dagster.annotate.targets import Place
from resources.json_types import Json

NOTHING = "(nothing)"  # in place of an empty text, which Label Studio refuses or shows as an error


class TaskKey(NamedTuple):
    """Which task it is: a segment, and the hash of what is shown of it."""

    segment: str
    seen: str


class PushPlan(NamedTuple):
    """make: tasks that are not there; delete: numbers of those that nobody answers for; kept: stale ones with answers;
    there: how many of the wanted ones are there."""

    make: list[TaskKey]
    delete: list[int]
    kept: int
    there: int


def task_of(place: Place, signal: Signal, before: str, after: str, where: str) -> dict[str, Json]:
    """A task as Label Studio imports it. before, after: texts of the segments beside it; where: file and page."""
    shown = place.shown
    why = "; ".join(f"{part['part']}: {part['why']}" for part in signal["parts"])
    kinds: list[Json] = [
        {"from_name": KINDS_OF_ERROR, "to_name": OBJECT, "type": "choices", "value": {"choices": list(place.errors)}}
    ]
    return {
        "data": {
            "segment": place.target.id,
            "seen": shown.seen,
            "shard": place.shard,
            "where": where or place.target.id,
            "images": [image_url(image) for image in place.images],
            "before": before or NOTHING,
            "after": after or NOTHING,
            "draft": shown.original or NOTHING,
            "critic": shown.text,
            "doubt": signal["doubt"],
            "why": f"doubt {signal['doubt']}" + (f" ({why})" if why else ""),
        },
        "predictions": [
            {
                "model_version": MODEL_VERSION,
                "score": 1 - signal["doubt"] / 100,
                "result": kinds if place.errors else [],
            }
        ],
    }


def image_url(sha256: str) -> str:
    """Where Label Studio serves an image of the store, whose folder is one of its local storages."""
    return f"/data/local-files/?d=images/{sha256[:2]}/{sha256}.jpg"


def key_of(task: Mapping[str, Json]) -> TaskKey | None:
    """Which task it is; None of one that nobody pushed."""
    data = task.get("data")
    if not isinstance(data, dict):
        return None
    segment, seen = data.get("segment"), data.get("seen")
    return TaskKey(segment, seen) if isinstance(segment, str) and isinstance(seen, str) else None


def answered(task: Mapping[str, Json]) -> bool:
    """Whether somebody worked on a task: an answer, a skip, a draft."""
    return bool(task.get("annotations") or task.get("drafts"))


def plan_push(existing: Sequence[Mapping[str, Json]], wanted: Sequence[TaskKey], now: Mapping[str, str]) -> PushPlan:
    """now: segment -> the hash of what is shown of it; those that are gone are missing.

    A task is stale where its hash is not that of now, and double where another has its key. Both are deleted unless
    somebody worked on them. Tasks of nobody's are left alone.
    """
    delete, kept, there = list[int](), 0, set[TaskKey]()
    for task in sorted(existing, key=lambda task: not answered(task)):
        key, number = key_of(task), task.get("id")
        if key is None or not isinstance(number, int):
            continue
        stale = now.get(key.segment) != key.seen
        if (stale or key in there) and not answered(task):
            delete.append(number)
        elif stale:
            kept += 1
        else:
            there.add(key)
    missing = [key for key in dict.fromkeys(wanted) if key not in there]
    return PushPlan(missing, sorted(delete), kept, len({*wanted} & there))
