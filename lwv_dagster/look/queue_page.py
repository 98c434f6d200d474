"""The page of the queue."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lwv_dagster.look.rendering import look_of, page


def queue(request: Request) -> Response:
    """The worst segments first."""
    rows = look_of(request).tables.rows(
        "SELECT segment_id, shard, doubt FROM signals ORDER BY doubt DESC, segment_id LIMIT 50"
    )
    return page(request, "queue.jinja", title="Queue", rows=rows, notes=look_of(request).tables.notes("signals"))


ROUTES = [Route("/queue", queue)]
