"""`lwv annotate export`: what people can decide about and what they decided, a JSON object a line."""

import json
import sys
from collections.abc import Iterator

import click

from assets.corrected_segments.schema import ERRORS
from assets.quality.names import all_shards
from lwv_dagster.annotate.set_aside import asides
from lwv_dagster.annotate.targets import Place, places
from resources.decisions.decision import Decision, Target
from resources.decisions.people import decisions_of
from resources.decisions.quarantined import LIFTABLE
from resources.json_types import Json
from resources.recipe.read import read_recipe
from resources.settings import Settings
from resources.store import Store
from resources.text.shown import in_line


def run_export(shard: str | None) -> int:
    """Write the lines to the standard output; exit code 1 where there is none, 2 where there is no shard."""
    store = Store(Settings().absolute().home)
    shards = all_shards(store)
    if not shards or (shard and shard not in shards):
        says = f"no shard {shard}: it has {', '.join(shards)}" if shards else "no table yet: set LWV_HOME to another"
        click.echo(f"lwv annotate: {in_line(str(store.home))} has {in_line(says)}.", err=True)
        return 2
    count = 0
    for line in lines(store, [shard] if shard else shards):
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        count += 1
    return int(count == 0)


def lines(store: Store, shards: list[str]) -> Iterator[dict[str, Json]]:
    """A line to be filled in for each segment, and one for each decision. What is held out is left out."""
    for shard in shards:
        here = [place for place in places(store, shard) if not place.shown.held_out]
        made = dict[tuple[str, str], list[Decision]]()
        for decision in decisions_of(store.home, [place.target.id for place in here]):
            made.setdefault(decision.about, []).append(decision)
        for place in here:
            if place.target.kind == "segment":
                yield line_of(place)
            # A document may be of several examples.
            yield from (line_of(place, decision) for decision in made.pop(place.target, ()))
    yield from quarantined_lines(store, shards)


def quarantined_lines(store: Store, shards: list[str]) -> Iterator[dict[str, Json]]:
    """A line to be filled in for each quarantined item that is decided about, and one for each decision."""
    decisions, alike = decisions_of(store.home), read_recipe().corrections.alike
    made = dict[Target, list[Decision]]()
    for decision in decisions:
        made.setdefault(decision.about, []).append(decision)
    for item in asides(store, shards, decisions, alike):
        if item.shown.rule and item.shown.rule not in LIFTABLE:
            continue
        for said in (None, *made.pop(item.target, ())):
            yield {
                "shard": item.shard,
                "source": item.source,
                "quarantined_for": item.reason,
                "verdicts": ["retry", "accept", "drop", "withdrawn"],
                "kind": item.target.kind,
                "target": item.target.id,
                "seen": said.seen if said else item.shown.seen,
                "who": said.who if said else "",
                "verdict": said.verdict if said else "",
                "reason": said.reason if said else "",
                **({"at": said.at, "seconds": said.seconds} if said else {}),
            }


def line_of(place: Place, decision: Decision | None = None) -> dict[str, Json]:
    """What is shown of a target, with a decision or room for one; `import` reads those from `kind` on."""
    shown, said = place.shown, decision
    return {
        "shard": place.shard,
        "example": place.example_id,
        "split": place.output["split"],
        "page": shown.page,
        "images": list(place.images),
        "original": shown.original,
        "critic": shown.text,
        "critic_errors": list(place.errors),
        "kinds_of_error": list(ERRORS),
        "verdicts": ["corrected", "fine", "drop", "withdrawn"],
        "kind": place.target.kind,
        "target": place.target.id,
        "seen": said.seen if said else shown.seen,
        "stale": said is not None and said.seen != shown.seen,
        "who": said.who if said else "",
        "verdict": said.verdict if said else "",
        "text": said.text if said else shown.text,
        "errors": list(said.errors if said else place.errors),
        "reason": said.reason if said else "",
        **({"at": said.at, "seconds": said.seconds} if said else {}),
    }
