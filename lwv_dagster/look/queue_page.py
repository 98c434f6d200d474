"""The queue's addresses: the list with one segment beside it, a segment alone, the filters, and decisions that come."""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from assets.corrected_segments.schema import ERRORS
from lwv_dagster.look.deciding import Refused, Weighed, weighed
from lwv_dagster.look.queue_filter import ORDERS, STATES, Filter
from lwv_dagster.look.queue_rows import choices, count_of, found_by, page_of
from lwv_dagster.look.rendering import Look, look_of, page, rendered
from lwv_dagster.look.segment_view import View, part_sentences, segment_view
from lwv_dagster.look.standing import Standings
from lwv_dagster.look.tables import TablesError
from lwv_dagster.look.word_diff import word_diff
from resources.recipe.read import read_recipe

_SAVING = threading.Lock()
_SHARD_OF = "SELECT shard FROM segments WHERE segment_id = ?"
NO_SHARD = "No shard has `signals` yet: run `lwv demo`, or the shard job in `make ui`, then load this page again."


def queue(request: Request) -> Response:
    """The list under the filter of the address, and its first segment or the one named by `at` and `in`."""
    look, asked = look_of(request), Filter.of(request.query_params)
    notes = look.tables.notes("signals")
    if not look.tables.shards("signals"):
        nothing: dict[str, Any] = {"rows": [], "view": None, "at": "", "asked": Filter(), "count": 0}
        return page(request, "queue.jinja", title="Queue", says=NO_SHARD, notes=notes, **nothing)
    standings = look.standing.now(read_recipe().corrections.alike)
    stamp = (asked.q, look.tables.stamp("segments", "corrected_segments", "source_images", "signals"))
    found = look.kept("found", stamp, lambda: found_by(look.tables, asked))  # while one pages, it is looked for once
    rows = page_of(look.tables, asked, standings, found)
    at = request.query_params.get("at") or (rows[0]["segment_id"] if rows else "")
    shard = request.query_params.get("in") or next((row["shard"] for row in rows if row["segment_id"] == at), "")
    if at and not shard:
        shard = next((row["shard"] for row in look.tables.rows(_SHARD_OF, [at])), "")
    try:
        view = _view(look, shard, at, standings) if at else None
    except TablesError as error:  # a damaged shard closes its own segments, and not the list
        view, notes = None, [*notes, str(error)]
    return page(
        request,
        "queue.jinja",
        title="Queue",
        rows=rows,
        view=view,
        at=at,
        asked=asked,
        count=_count(look, asked, standings, found),
        says="" if rows else "No segment is as the filter asks.",
        notes=notes,
        **_of_view(view),
    )


def _count(look: Look, asked: Filter, standings: Standings, found: pa.Table) -> int:
    """As `count_of`; while one pages, it is counted once."""
    stamp = (asked.query(offset=0, sort="-doubt"), len(standings.decisions), look.tables.stamp("signals"))
    return look.kept("count", stamp, lambda: count_of(look.tables, asked, standings, found))


def warm(look: Look) -> None:
    """Look through the tables once, so that the first page need not: what is wrong with them it will say itself."""
    with suppress(TablesError):
        page_of(look.tables, Filter(), Standings(), found_by(look.tables, Filter()))
        look.tables.stamp("segments", "corrected_segments")


def item(request: Request) -> Response:
    """One segment, as a fragment."""
    look = look_of(request)
    shard, name = request.path_params["shard"], request.path_params["segment_id"]
    view = _view(look, shard, name, look.standing.now(read_recipe().corrections.alike))
    if view is None:
        raise HTTPException(404, f"{name}: no table has this segment: it is gone, or its shard was never run.")
    return HTMLResponse(rendered("item.jinja", view=view, **_of_view(view)))


def _view(look: Look, shard: str, name: str, standings: Standings) -> View | None:
    look.tables.require(shard, "segments", "long_outputs")
    return segment_view(look.store, shard, name, standings) if shard in look.tables.shards("segments") else None


def _of_view(view: View | None) -> dict[str, Any]:
    return {"errors": ERRORS, "doubts": part_sentences(view.signal) if view and view.signal else []}


def filters(request: Request) -> Response:
    """The form of the filters, as a fragment: counting what there is takes longer than the list."""
    look, asked = look_of(request), Filter.of(request.query_params)
    found = look.kept("choices", look.tables.stamp("signals"), lambda: choices(look.tables))
    return HTMLResponse(rendered("filters.jinja", asked=asked, choices=found, orders=ORDERS, states=STATES))


async def foresee(request: Request) -> Response:
    """What decisions would do, each said in a sentence, and how a text differs from the critic's; nothing is saved."""
    look, line = look_of(request), await _line(request)
    return await run_in_threadpool(_answered, look, line, _foreseen)


async def decide(request: Request) -> Response:
    """Save a decision, or say why it is not taken."""
    look, line = look_of(request), await _line(request)

    def one_at_a_time() -> Response:  # or two at once would both be looked at before either is saved
        with _SAVING:
            return _answered(look, line, _saved)

    return await run_in_threadpool(one_at_a_time)


def _answered(
    look: Look, line: Mapping[str, object], work: Callable[[Look, Mapping[str, object], Weighed], dict[str, Any]]
) -> Response:
    if isinstance(shard := line.get("shard"), str):
        look.tables.require(shard, "segments", "long_outputs")  # what is damaged is not gone
    try:
        found = weighed(look.store, look.tables.shards("segments"), look.standing, read_recipe(), line)
    except Refused as refused:
        answer = {"says": str(refused), "known": " ".join(refused.known), "taken": False}
        if work is _foreseen:  # it was asked what would be said
            return JSONResponse({**answer, "changes": changes_html(line)})
        return JSONResponse(answer, 409 if refused.known else 422)
    return JSONResponse({**work(look, line, found), "taken": True})


def _foreseen(_look: Look, line: Mapping[str, object], found: Weighed) -> dict[str, Any]:
    return {"says": found.says, "changes": changes_html(line)}


def _saved(look: Look, _line: Mapping[str, object], found: Weighed) -> dict[str, Any]:
    saved = look.standing.people().append_once(found.decision)
    standings = look.standing.now(read_recipe().corrections.alike)
    outcome = standings.outcomes.get(found.place.target)
    contested = " and ".join(each.who for each in outcome.contested) if outcome else ""
    return {
        "says": found.says if saved else "This was saved before: nothing changes.",
        "contested": f"{contested} differ: the critic's version stays until a third decides." if contested else "",
        "decided": bool(outcome and outcome.decision),
    }


def changes_html(line: Mapping[str, object]) -> str:
    """How the text in a line differs from `against`, what it was made from."""
    text, against = line.get("text"), line.get("against")
    if not isinstance(text, str) or not isinstance(against, str):
        return ""
    return rendered("changes.jinja", runs=word_diff(against, text))


async def _line(request: Request) -> dict[str, object]:
    try:
        line = json.loads(await request.body())
        json.dumps(line, ensure_ascii=False).encode()  # half a character, which JSON can spell, is no text
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "What was sent is no JSON.") from error
    if not isinstance(line, dict):
        raise HTTPException(400, "What was sent is no JSON object.")
    return line


ROUTES = [
    Route("/queue", queue),
    Route("/queue/item/{shard}/{segment_id}", item),
    Route("/queue/filters", filters),
    Route("/queue/foresee", foresee, methods=["POST"]),
    Route("/queue/decide", decide, methods=["POST"]),
]
