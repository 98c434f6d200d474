"""The page of a difference: two data sets side by side, the same as `lwv diff`; and one row of both, word by word."""

from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lwv_dagster.diff.comparing import compare
from lwv_dagster.diff.diff_sides import NoSideError, Side, sides
from lwv_dagster.diff.difference import BY, Difference, Spread
from lwv_dagster.look.rendering import Look, look_of, page
from lwv_dagster.look.row_page import TEXTS
from lwv_dagster.look.word_diff import Run, word_diff
from lwv_dagster.trace.evidence import Evidence
from resources.picked_rows import picked_rows

MOST = 200  # ids of a kind on the page
BAR = 120  # pixels of a whole share


@dataclass(frozen=True)
class Bar:
    """One bin of a spread: how many rows and which share of each side's, and the bars' lengths in pixels."""

    name: str
    count_a: int
    count_b: int
    share_a: float
    share_b: float
    width_a: float
    width_b: float


def difference(request: Request) -> Response:
    """What B has otherwise than A; without both, the data sets to choose from."""
    look = look_of(request)
    a, b = (request.query_params.get(name, "").strip() for name in ("a", "b"))
    data_sets = [each.shown for each in Evidence(look.store).data_sets]
    found, says = list[Difference](), ""
    if a and b:
        try:
            found = [_kept(look, left, right) for left, right in sides(look.store, a, b, homes=False)]
        except NoSideError as error:
            says = str(error)
    return page(
        request,
        "diff.jinja",
        title="Diff",
        data_sets=data_sets,
        a=a,
        b=b,
        says=says,
        found=found,
        bars=bars,
        by=BY,
        most=MOST,
        notes=[note for each in found for note in each.notes],
    )


def changed_row(request: Request) -> Response:
    """One row as each side has it."""
    look, asked = look_of(request), request.query_params
    a, b, name = (asked.get(part, "").strip() for part in ("a", "b", "id"))
    try:
        pairs = sides(look.store, a, b, homes=False)
    except NoSideError as error:
        raise HTTPException(404, str(error)) from error
    for left, right in pairs:
        rows = [picked_rows(side.data_set.rows, "id", [name], TEXTS) for side in (left, right)]
        if any(rows):
            one, other = (answers(found[0]) if found else {} for found in rows)
            return page(request, "diff_row.jinja", title=name, id=name, a=a, b=b, texts=texts_of(one, other))
    raise HTTPException(404, f"Neither data set has a row {name}.")


def answers(row: dict[str, Any]) -> dict[str, str]:
    """The texts of a row by name. Pure."""
    if "messages" in row:
        *asked, answer = row["messages"]
        return {"prompt": "\n\n".join(turn["content"] for turn in asked), "answer": answer["content"]}
    return {name: row[name] for name in ("prompt", "prefix", "chosen", "rejected")}


def texts_of(one: dict[str, str], other: dict[str, str]) -> list[tuple[str, list[Run]]]:
    """Each text of a row, as runs from A to B. Pure."""
    names = dict.fromkeys([*one, *other])
    return [(name, word_diff(one.get(name, ""), other.get(name, ""))) for name in names]


def bars(spread: Spread) -> list[Bar]:
    """The bins of a spread as bars. Pure."""
    totals = [max(1, sum(counts[side] for counts in spread.bins.values())) for side in (0, 1)]
    found = list[Bar]()
    for name, counts in spread.bins.items():
        a, b = (count / total for count, total in zip(counts, totals, strict=True))
        found.append(Bar(name, *counts, a, b, round(BAR * a, 1), round(BAR * b, 1)))
    return found


def _kept(look: Look, a: Side, b: Side) -> Difference:
    files = [side.data_set.provenance or side.data_set.rows for side in (a, b)]
    stamp = [(str(path), path.stat().st_mtime_ns) for path in files]
    return look.kept(f"diff {a.gate}", stamp, lambda: compare(a, b))


ROUTES = [Route("/diff", difference), Route("/diff/row", changed_row)]
