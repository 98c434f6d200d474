"""`lwv annotate agreement`: how much people agree, as tables or as JSON."""

import json
from dataclasses import asdict

import click
from rich.markup import escape

from assets.corrected_segments.schema import ERRORS
from assets.quality.names import all_shards
from lwv_dagster.annotate.agreement import Agreement, Alpha, Critics, agreement
from lwv_dagster.annotate.targets import find
from lwv_dagster.terminal import console, print_table
from resources.decisions.people import decisions_of
from resources.recipe.read import RecipeError, read_recipe
from resources.settings import Settings
from resources.store import Store
from resources.text.shown import number_of

ALPHAS = ("", "between people", "segments", "against the critic", "decisions")
PAIRS = ("", "and", "segments", "differ on", "likeness of texts")


def run_agreement(as_json: bool) -> int:
    """Exit code 0; 1 where nobody decided about a segment; 2 where there is no table, or no recipe can be read."""
    store = Store(Settings().absolute().home)
    if not all_shards(store):
        console.print(
            f"lwv annotate: {escape(str(store.home))} has no table yet: set LWV_HOME to another.", soft_wrap=True
        )
        return 2
    try:
        found = measured(store)
    except RecipeError as error:
        console.print(f"[red]lwv annotate:[/] {escape(str(error))}", soft_wrap=True)
        return 2
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        show_agreement(found)
    return int(found.segments == 0)


def measured(store: Store) -> Agreement:
    """Of a factory as it is now. Raises RecipeError."""
    alike = read_recipe().corrections.alike
    decisions = decisions_of(store.home, kind="segment")
    places = find(store, all_shards(store), {each.about for each in decisions})
    critics = {
        (target, place.shown.seen): Critics(place.shown.original, place.shown.text, frozenset(place.errors))
        for target, place in places.items()
    }
    return agreement(decisions, critics, ERRORS, alike)


def show_agreement(found: Agreement) -> None:
    """Tables for people."""
    console.print(
        f"{found.segments} segments were decided about by {found.people} in all, {found.shared} by two or more.",
        soft_wrap=True,
    )
    rows = [
        (name, _shown(between), between.units, _shown(found.critic[name]), found.critic[name].units)
        for name, between in found.between.items()
    ]
    print_table("Krippendorff's alpha (1: all agree, 0: as by chance)", ALPHAS, rows, numbers=ALPHAS[1:])
    for says, (mean, count) in (("of two people", found.texts), ("of a person and the critic", found.texts_critic)):
        if mean is not None:
            console.print(f"The texts {says} are alike by {mean:.2f}, mean of {number_of(count, 'pair')}.")
    pairs = [
        (
            pair.one,
            pair.other,
            pair.segments,
            f"{pair.differ:.0%}",
            "" if pair.likeness is None else f"{pair.likeness:.2f}",
        )
        for pair in found.pairs
    ]
    if pairs:
        print_table("Who differs most", PAIRS, pairs, numbers=PAIRS[2:])


def _shown(found: Alpha) -> str:
    return "–" if found.value is None else f"{found.value:.2f}"
