"""`lwv diff`: what two data sets differ in, on the terminal or as JSON."""

import json
from collections.abc import Iterator, Sequence

import click

from lwv_dagster.diff.comparing import diff
from lwv_dagster.diff.diff_sides import NoSideError
from lwv_dagster.diff.difference import BY, LISTED, Difference, Ranked, Spread
from resources.secrets import mask
from resources.settings import Settings
from resources.store import Store
from resources.text.shown import number_of, visible

MOST = 20  # ids of a kind; the rest is counted


def run_diff(a: str, b: str, as_json: bool) -> int:
    """Exit code 0 where both are data sets, 1 where one is none."""
    try:
        found = diff(Store(Settings().absolute().home), a, b)
    except NoSideError as error:
        click.echo(f"lwv diff: {visible(mask(str(error)))}", err=as_json)
        return 1
    if as_json:
        click.echo(mask(json.dumps([each.as_json() for each in found], ensure_ascii=False, indent=1)))
        return 0
    for each in found:
        for line in difference_lines(each):
            click.echo(visible(mask(line)))
    return 0


def difference_lines(found: Difference) -> Iterator[str]:
    """As the terminal shows it. Pure."""
    for name, side in (("A", found.a), ("B", found.b)):
        rows, examples = number_of(side.rows, "row"), number_of(side.examples, "example")
        yield f"{name}: {side.gate} data set {side.id} of {side.home}, {rows} of {examples}"
    yield from (f"note: {note}" for note in found.notes)
    counts = found.counts
    yield f"the same in both: {counts.same:,} (weights apart)"
    yield from _listed("only in A", counts.only_a, found.only_a)
    yield from _listed("only in B", counts.only_b, found.only_b)
    by = ", ".join(f"{what} {getattr(counts, what):,}" for what in BY if getattr(counts, what))
    changed = [f"{row.id}: {', '.join(row.by)}" for row in found.changed[:MOST]]
    yield from _listed(f"changed{f' ({by})' if by else ''}", counts.changed, changed)
    weights = found.weights
    yield (
        f"weight: {weights.changed:,} rows have another one, {weights.alone:,} of them alone; by at most "
        f"{weights.largest:.4g}"
    )
    for spread in found.spreads:
        yield from _spread(spread)
    costs = found.costs
    yield (
        f"cost: A {costs.a:.4f} US dollars, B {costs.b:.4f}; of examples that are in A alone {costs.only_a:.4f}, in B "
        f"alone {costs.only_b:.4f}"
    )
    for line in found.recipe:
        yield f"recipe: {line.name}: A {' or '.join(line.a) or '-'}, B {' or '.join(line.b) or '-'}"
    if not found.recipe:
        yield "recipe: no line differs"
    yield from _beside("worst", found.worst)
    yield from _beside("best", found.best)


def _listed(what: str, count: int, lines: Sequence[str]) -> Iterator[str]:
    yield f"{what}: {count:,}"
    yield from (f"  {line}" for line in lines[:MOST])
    if count > MOST:
        yield f"  and {count - MOST:,} more (--json lists {LISTED:,})"


def _spread(spread: Spread) -> Iterator[str]:
    if not spread.bins:
        return
    means = (spread.mean_a, spread.mean_b)
    says = "" if None in means else f" (mean A {spread.mean_a or 0:,.1f}, B {spread.mean_b or 0:,.1f})"
    yield f"{spread.what}{says}:"
    totals = [max(1, sum(count[side] for count in spread.bins.values())) for side in (0, 1)]
    for name, counts in spread.bins.items():
        cells = [f"{count:>9,} {count / total:6.1%}" for count, total in zip(counts, totals, strict=True)]
        yield f"  {name:>16}  A {cells[0]}  B {cells[1]}"


def _beside(what: str, both: tuple[Sequence[Ranked], Sequence[Ranked]]) -> Iterator[str]:
    if not any(both):
        return
    yield f"{what} by doubt, A beside B:"
    for place in range(max(map(len, both))):
        cells = [_cell(side[place]) if place < len(side) else "" for side in both]
        yield f"  {cells[0]:<62}  {cells[1]}".rstrip()


def _cell(row: Ranked) -> str:
    return f"{row.doubt:3} {row.id} ({number_of(row.words, 'word')})"
