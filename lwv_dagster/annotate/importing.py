"""`lwv annotate import`: decisions out of JSON lines, believed in nothing: shown first, and saved with --yes."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from assets.quality.names import all_shards, names_for
from lwv_dagster.annotate.reach import Reach, reach
from lwv_dagster.annotate.taken import Line, Taken, sort_out
from lwv_dagster.terminal import console
from resources.decisions.decision import Decision
from resources.decisions.people import People, people_of
from resources.recipe.read import RecipeError, read_recipe
from resources.settings import Settings
from resources.store import Store

NAMED = 20  # refused lines that are shown


def run_import(path: Path, yes: bool) -> int:
    """Exit code 0 where every line was taken, 1 where one was refused, 2 where file or recipe cannot be read."""
    store = Store(Settings().absolute().home)
    if not all_shards(store):
        console.print(
            f"lwv annotate: {escape(str(store.home))} has no table yet: set LWV_HOME to the one you mean.",
            soft_wrap=True,
        )
        return 2
    try:
        recipe = read_recipe()
        with people_of(store.home) as people:
            before = people.decisions()
            taken = take(store, path, before)
            show(store, taken, reach(store, taken.places.values(), before, taken.new, recipe))
            save(people, taken, path, yes)
            return int(bool(taken.refused))
    except (RecipeError, OSError) as error:
        console.print(f"[red]lwv annotate:[/] {escape(str(error))}", soft_wrap=True)
        return 2


def take(store: Store, path: Path, before: Sequence[Decision]) -> Taken:
    """The decisions of a file, sorted out. before: those that are saved. Raises OSError, RecipeError."""
    taken, lines = Taken(), list[Line]()
    for number, data in enumerate(path.read_bytes().splitlines(), 1):
        try:
            line = json.loads(data) if data.strip() else {}
        except (ValueError, RecursionError):
            taken.refused.append(f"Line {number} is no JSON.")
            continue
        if not isinstance(line, dict):
            taken.refused.append(f"Line {number} is no JSON object.")
        elif line.get("verdict") in ("", None):
            taken.undecided += 1
        else:
            lines.append(Line(f"Line {number}", line))
    return sort_out(store, lines, before, taken)


def show(store: Store, taken: Taken, reached: Sequence[Reach]) -> None:
    """What was found in the file, and what it does to the rows that are trained on."""
    for says in taken.refused[:NAMED]:
        console.print(f"[red]✗[/] {escape(says)}", soft_wrap=True)
    if len(taken.refused) > NAMED:
        console.print(f"… and {len(taken.refused) - NAMED} more lines are refused.")
    stale = f"{taken.stale} on a text that has changed since: these are listed, not applied"
    console.print(
        f"{len(taken.new)} new decisions ({stale}), "
        f"{taken.known} known, {taken.undecided} lines undecided, {len(taken.refused)} refused.",
        soft_wrap=True,
    )
    if reached:
        names = names_for(store, {each.shard for each in reached}, (each.example_id for each in reached))
        console.print("Rows that are trained on:")
        for each in reached:
            name = f"{names.of(each.example_id) or each.example_id} ({each.shard})"
            console.print(f"  {escape(name)}: {escape(_effect(each))}", soft_wrap=True)
    elif taken.places:
        console.print("No row that is trained on changes.")
    for decision in [each for each in taken.new if each.about in taken.asides][:NAMED]:
        item = taken.asides[decision.about]
        console.print(escape(f"{decision.verdict}: {item.source or decision.target} ({item.reason})"), soft_wrap=True)


def _effect(reached: Reach) -> str:
    """What becomes of an example's rows, in one line that a narrow terminal does not tear apart."""
    found = [f"{len(reached.new)} new", f"{len(reached.changed)} changed", f"weights of {len(reached.weighted)}"]
    found.append(f"{len(reached.gone)} gone")
    held = f"; data sets that hold the old rows: {', '.join(reached.held_by)}" if reached.held_by else ""
    trained = f"; checkpoints of these: {', '.join(reached.trained)}" if reached.trained else ""
    return ", ".join(found) + held + trained


def save(people: People, taken: Taken, path: Path, yes: bool) -> None:
    """Save the new decisions where that was asked for, and say what to do next."""
    if not taken.new:
        return
    if not yes:
        command = shlex.join(["lwv", "annotate", "import", str(path), "--yes"])
        console.print(f"Nothing was saved. To save them:  {command}", soft_wrap=True, markup=False)
        return
    say_saved(people.append(taken.new), taken)


def say_saved(count: int, taken: Taken) -> None:
    """What was saved, and what to do next."""
    shards = sorted({place.shard for place in taken.places.values() if place.output["split"] == "preference"})
    steps = f"corrections_job for {', '.join(shards)}, then " if shards else ""
    again = sorted({taken.asides[each.about].shard for each in taken.new if each.verdict == "retry"})
    asked = f" shard_job for {', '.join(again)} asks a model again." if again else ""
    console.print(
        f"{count} decisions were saved. Next: {steps}training_job. No model is asked again by these.{asked}",
        soft_wrap=True,
        markup=False,
    )
