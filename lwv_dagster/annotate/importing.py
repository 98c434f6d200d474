"""`lwv annotate import`: decisions out of JSON lines, believed in nothing: shown first, and saved with --yes."""

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.markup import escape

from assets.corrected_segments.schema import ERRORS
from assets.quality.names import all_shards, names_for
from lwv_dagster.annotate.reach import Reach, reach
from lwv_dagster.annotate.targets import Place, find
from lwv_dagster.terminal import console, print_table
from resources.decisions.decision import KINDS, Decision, Target
from resources.decisions.decision_faults import DecisionError, decision_of, fault
from resources.decisions.people import People, people_of
from resources.recipe.read import RecipeError, read_recipe
from resources.settings import Settings
from resources.store import Store

NAMED = 20  # refused lines that are shown
COLUMNS = ("what", "new", "changed", "weights", "gone", "data sets that hold the old rows")


@dataclass
class Taken:
    """What a file holds. new: decisions that are not known yet; refused: a sentence for each line that is not taken;
    known, undecided: how many lines; stale: of the new ones, made on a text that has changed since."""

    new: list[Decision] = field(default_factory=list)
    places: dict[Target, Place] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    known: int = 0
    undecided: int = 0
    stale: int = 0


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
    """The decisions of a file, sorted out. before: those that are saved. Raises OSError."""
    taken, lines = Taken(), list[tuple[int, dict[str, object]]]()
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
            lines.append((number, line))
    wanted = {Target(kind, str(line.get("target"))) for _, line in lines for kind in KINDS}
    found, now = find(store, all_shards(store), wanted), time.time()
    ids, newest = {each.decision_id for each in before}, {(each.who, each.about): each.says for each in before}
    for number, line in lines:
        try:
            decision = decision_of(_with_seen(line, found), now)
        except DecisionError as error:
            taken.refused.append(f"Line {number}: {error}")
            continue
        place = found.get(decision.about)
        if says := fault(decision, place.shown if place else None, ERRORS):
            taken.refused.append(f"Line {number}: {says}")
        elif decision.decision_id in ids or (
            line.get("at") is None and newest.get((decision.who, decision.about)) == decision.says
        ):
            taken.known += 1
        elif place is not None:
            ids.add(decision.decision_id)
            newest[decision.who, decision.about] = decision.says
            taken.new.append(decision)
            taken.places[decision.about] = place
            taken.stale += decision.seen != place.shown.seen
    return taken


def _with_seen(line: dict[str, object], found: dict[Target, Place]) -> dict[str, object]:
    """An example or a document may be named alone: it is meant as it is now."""
    kind = next((each for each in KINDS if each != "segment" and each == line.get("kind")), None)
    place = found.get(Target(kind, str(line.get("target")))) if kind else None
    return {**line, "seen": place.shown.seen} if place and not line.get("seen") else line


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
        rows = [
            (
                f"{names.of(each.example_id) or each.example_id} ({each.shard})",
                *map(len, (each.new, each.changed, each.weighted, each.gone)),
                ", ".join(each.held_by),
            )
            for each in reached
        ]
        print_table("Rows that are trained on", COLUMNS, rows, numbers=COLUMNS[1:5])
    elif taken.new:
        console.print("No row that is trained on changes.")


def save(people: People, taken: Taken, path: Path, yes: bool) -> None:
    """Save the new decisions where that was asked for, and say what to do next."""
    if not taken.new:
        return
    if not yes:
        command = shlex.join(["lwv", "annotate", "import", str(path), "--yes"])
        console.print(f"Nothing was saved. To save them:  {command}", soft_wrap=True, markup=False)
        return
    count = people.append(taken.new)
    shards = sorted({place.shard for target, place in taken.places.items() if place.output["split"] == "preference"})
    steps = f"corrections_job for {', '.join(shards)}, then " if shards else ""
    console.print(
        f"{count} decisions were saved. Next: {steps}training_job. No model is asked again.",
        soft_wrap=True,
        markup=False,
    )
