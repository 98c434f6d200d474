"""`lwv annotate pull`: what people answered in Label Studio becomes decisions, each once, however often it is read."""

from dataclasses import dataclass, field
from itertools import islice

from rich.markup import escape

from assets.quality.names import all_shards
from lwv_dagster.annotate.importing import say_saved, show
from lwv_dagster.annotate.label_studio.answers_read import TaskAnswers, read_task
from lwv_dagster.annotate.label_studio.label_studio_client import LabelStudio, LabelStudioError, label_studio_of
from lwv_dagster.annotate.label_studio.labelling_project import title_of
from lwv_dagster.annotate.reach import reach
from lwv_dagster.annotate.taken import Line, Taken, sort_out
from lwv_dagster.terminal import console
from resources.decisions.people import People, people_of
from resources.json_types import Json
from resources.recipe.read import RecipeError, read_recipe
from resources.settings import Settings
from resources.store import Store


@dataclass
class Pulled:
    """taken: the decisions, not saved yet; tasks: how many were read; latest: when the last of them changed, as the
    server writes a time."""

    taken: Taken = field(default_factory=Taken)
    tasks: int = 0
    latest: str | None = None


def run_pull() -> int:
    """Exit code 0 where every answer was taken, 1 where one was refused, 2 where recipe or server cannot be used."""
    store = Store(Settings().absolute().home)
    try:
        recipe = read_recipe()
        with label_studio_of(Settings()) as studio, people_of(store.home) as people:
            before = people.decisions()
            pulled = pull(studio, store, people)
            taken = pulled.taken
            show(store, taken, reach(store, taken.places.values(), before, taken.new, recipe))
            console.print(f"{pulled.tasks} answered tasks were read.")
            if taken.new:
                say_saved(people.append(taken.new), taken)
            return int(bool(taken.refused))
    except (LabelStudioError, RecipeError) as error:
        console.print(f"[red]lwv annotate:[/] {escape(str(error))}", soft_wrap=True)
        return 2


def pull(
    studio: LabelStudio, store: Store, people: People, since: str | None = None, most: int | None = None
) -> Pulled:
    """The decisions in the answers of the factory's project, for the caller to save: until that is done, nothing is
    noted anywhere, so whoever is killed before has lost nothing.

    since, most: of the tasks that changed after this time (as `Pulled.latest`), so many at most.
    Raises LabelStudioError, LedgerError, RecipeError.
    """
    project = studio.project(title_of(store.home))
    if project is None:
        raise LabelStudioError(
            f"Label Studio at {studio.url} has no project of this LWV_HOME: `lwv annotate push` makes it."
        )
    accounts = studio.people()
    pulled, found, shards = Pulled(), TaskAnswers(), list[str]()
    for task in islice(studio.answered_tasks(project, since), most):
        read_task(task, accounts, found)
        shards.append(shard_of(task))
        pulled.tasks += 1
        changed = task.get("updated_at")
        pulled.latest = changed if isinstance(changed, str) else pulled.latest
    pulled.taken.refused += found.refused
    lines = [Line(each.name, each.line) for each in found.lines]
    if lines and all_shards(store):
        sort_out(store, lines, people.decisions([str(line.says["target"]) for line in lines]), pulled.taken, shards)
    return pulled


def shard_of(task: dict[str, Json]) -> str:
    """The shard that a task names: where its segment is looked for first."""
    data = task.get("data")
    return str(data.get("shard")) if isinstance(data, dict) else ""
