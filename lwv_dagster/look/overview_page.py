"""The overview's addresses: the page with what is read quickly, and the parts that take longer, each as a fragment."""

from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from assets.quality_report.overview import LATER, STYLE, TITLES, Overview
from lwv_dagster.look.rendering import Look, look_of, page

NOTHING = "No shard was run yet: run `lwv demo`, or the shard job in `make ui`, then load this page again."


def overview(request: Request) -> Response:
    """The whole page; the parts of LATER are places that the page's script fills."""
    look = look_of(request)
    found = _first(look)
    notes = [] if look.tables.shards("source_images") else [NOTHING]
    return page(request, "overview.jinja", title="Overview", titles=TITLES, parts=found, notes=notes)


def part(request: Request) -> Response:
    """One of LATER."""
    name = request.path_params["part"]
    if name not in LATER:
        raise HTTPException(404, "The overview has no such part.")
    return HTMLResponse(_part(look_of(request), name))


def style(_request: Request) -> Response:
    """How the parts look, here and in the page that is mailed."""
    return FileResponse(STYLE, media_type="text/css")


def warm(look: Look) -> None:
    """Read what the overview needs before anybody asks for it. What cannot be read, the page says."""
    with suppress(Exception):
        _first(look)
        _part(look, "drift")


def _first(look: Look) -> dict[str, str]:
    with look.alone("overview"):
        return _overview(look).first()


def _part(look: Look, name: str) -> str:
    with look.alone(f"overview, {name}"):
        return _overview(look).part(name)


def _overview(look: Look) -> Overview:
    """The same as long as the app runs: it keeps what it has read."""
    with look.alone("the overview's reader"):
        return look.kept("overview", look.home, lambda: Overview(look.store))


ROUTES = [Route("/overview", overview), Route("/overview.css", style), Route("/overview/{part}", part)]
