"""`lwv annotate push`: what a filter names becomes tasks in Label Studio, each once; stale ones go."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.markup import escape

from assets.quality.names import all_shards, names_for
from assets.signals.schema import SIGNALS, Signal
from lwv_dagster.annotate.choosing import Choice, ChoiceError, Found, State, choice_of, chosen
from lwv_dagster.annotate.label_studio.label_studio_client import LabelStudio, LabelStudioError, label_studio_of
from lwv_dagster.annotate.label_studio.labelling_project import ensure_project, overlap
from lwv_dagster.annotate.label_studio.task_plan import TaskKey, key_of, plan_push, task_of
from lwv_dagster.annotate.targets import Place, find, places
from lwv_dagster.terminal import console
from resources.decisions.decision import Decision, Target
from resources.decisions.people import decisions_of
from resources.decisions.settle import settle
from resources.json_types import Json
from resources.locks import HeldError, Lock, LockingError, holding
from resources.recipe.read import RecipeError, read_recipe
from resources.settings import Settings
from resources.store import Store, batched

IN_ONE_REQUEST = 100  # tasks


class Pushed(NamedTuple):
    """made, there, deleted: tasks; kept: stale ones that somebody worked on."""

    made: int
    there: int
    deleted: int
    kept: int


def run_push(words: Sequence[str]) -> int:
    """Exit code 0; 1 where the filter names no segment; 2 where filter, recipe or server cannot be used."""
    store = Store(Settings().absolute().home)
    try:
        choice, alike = choice_of(words), read_recipe().corrections.alike
        shards = all_shards(store)
        for shard in (shard for shard in shards if not store.has_table(SIGNALS.name, shard)):
            console.print(f"{escape(shard)} has no `signals` yet, so nothing of it is pushed: run shard_job for it.")
        with label_studio_of(Settings()) as studio, holding(Lock(store.home, "annotate-push"), "lwv annotate push"):
            wanted = tasks_of(
                store, segments_meant(store, shards, choice, decisions_of(store.home, kind="segment"), alike)
            )
            pushed = push(studio, store, wanted)
    except HeldError as error:
        return _cannot(f"another push is going on: {error}")
    except (ChoiceError, LabelStudioError, LockingError, RecipeError) as error:
        return _cannot(str(error))
    console.print(
        f"{pushed.made} tasks were made, {pushed.there} were there; {pushed.deleted} stale ones were deleted, "
        f"{pushed.kept} kept because somebody worked on them.",
        soft_wrap=True,
    )
    return int(not wanted)


def _cannot(says: str) -> int:
    console.print(f"[red]lwv annotate:[/] {escape(says)}", soft_wrap=True)
    return 2


def segments_meant(
    store: Store, shards: Iterable[str], choice: Choice, decisions: Sequence[Decision], alike: float
) -> list[Found]:
    """The segments that a filter names, the most doubtful first, of the shards that have signals. What is held out for
    the benchmark is not among them."""
    named = choice.values.get("shard")
    shards = [shard for shard in shards if store.has_table(SIGNALS.name, shard) and (not named or shard in named)]
    states = states_of(store, shards, decisions, alike) if "decided" in choice.values else {}
    rows = (Found(shard, row) for shard in shards for row in store.rows(SIGNALS, shard) if row["split"] != "benchmark")
    return chosen(rows, choice, states)


def states_of(store: Store, shards: Iterable[str], decisions: Sequence[Decision], alike: float) -> dict[str, State]:
    """How each segment stands that anything was decided about."""
    found = find(store, shards, {each.about for each in decisions if each.kind == "segment"})
    outcomes = settle(decisions, {target: place.shown.seen for target, place in found.items()}, alike)
    return {
        target.id: "decided" if outcome.decision else "contested" if outcome.contested else "stale"
        for target, outcome in outcomes.items()
    }


def tasks_of(store: Store, meant: Sequence[Found]) -> dict[TaskKey, dict[str, Json]]:
    """A task for each segment that is there, in the same order."""
    by_shard = dict[str, dict[str, Signal]]()
    for found in meant:
        by_shard.setdefault(found.shard, {})[found.row["segment_id"]] = found.row
    made = dict[str, tuple[TaskKey, dict[str, Json]]]()
    for shard, wanted in by_shard.items():
        names = names_for(store, [shard], wanted)
        for before, place, after in _with_neighbours(store, shard):
            if (name := place.target.id) in wanted and not place.shown.held_out:
                task = task_of(place, wanted[name], before, after, names.of(name))
                made[name] = TaskKey(name, place.shown.seen), task
    return dict(made[found.row["segment_id"]] for found in meant if found.row["segment_id"] in made)


def _with_neighbours(store: Store, shard: str) -> Iterator[tuple[str, Place, str]]:
    """Each segment of a shard between the texts of those beside it in its example."""
    segments = [place for place in places(store, shard) if place.target.kind == "segment"]
    for at, place in enumerate(segments):
        beside = [
            segments[other].shown.text
            if 0 <= other < len(segments) and segments[other].example_id == place.example_id
            else ""
            for other in (at - 1, at + 1)
        ]
        yield beside[0], place, beside[1]


def push(studio: LabelStudio, store: Store, wanted: Mapping[TaskKey, dict[str, Json]]) -> Pushed:
    """Make what is missing, delete what is stale. Whatever is interrupted goes on with the next push."""
    project = ensure_project(studio, store)
    existing = list(studio.tasks(project))
    known = {Target("segment", key.segment) for task in existing if (key := key_of(task))}
    now = {key.segment: key.seen for key in wanted}
    missing = {target for target in known if target.id not in now}
    now |= {target.id: place.shown.seen for target, place in find(store, all_shards(store), missing).items()}
    plan = plan_push(existing, list(wanted), now)
    for some in batched(plan.make, IN_ONE_REQUEST):
        if some:
            studio.add_tasks(project, [wanted[key] for key in some])
    if plan.make:
        studio.change_project(project, overlap())  # the share is drawn anew, of all tasks that there are now
    deleted = sum(studio.delete_untouched(task) for task in plan.delete)
    return Pushed(len(plan.make), plan.there, deleted, plan.kept + len(plan.delete) - deleted)
