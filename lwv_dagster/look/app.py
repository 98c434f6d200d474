"""The web app `lwv look`: its pages' routes, the images and files that they show, and what is said of an error."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from lwv_dagster.look import diff_page, overview_page, queue_page, row_page, violations_page
from lwv_dagster.look.rendering import FOLDER, NAVIGATION, Look, look_of, page
from lwv_dagster.look.security import LOOPBACK, Guard
from lwv_dagster.look.tables import TablesError
from resources.failures import EndpointError, StorageError
from resources.recipe.read import RecipeError
from resources.secrets import mask
from resources.storage_faults import why
from resources.store import DamagedTableError, MissingTableError
from resources.text.shown import visible

PAGES = (
    overview_page,
    queue_page,
    violations_page,
    row_page,
    diff_page,
)  # each has ROUTES; a further page is a module here and a line in NAVIGATION
READING = (
    TablesError,
    StorageError,
    MissingTableError,
    DamagedTableError,
    RecipeError,
    EndpointError,
)  # a sentence each
FOR_GOOD = "private, max-age=31536000, immutable"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def make_app(home: Path, hosts: Iterable[str] | None = LOOPBACK, token: str = "") -> Starlette:
    """The app over a factory's home. hosts, token: as of `Guard`."""
    look = Look.at(home)

    @asynccontextmanager
    async def closing(_app: Starlette) -> AsyncIterator[None]:
        yield
        look.close()

    app = Starlette(
        routes=[
            Route("/", first),
            Route("/image/{sha256}", image),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
            *(route for each in PAGES for route in each.ROUTES),
        ],
        middleware=[Middleware(Guard, hosts=hosts, token=token)],
        exception_handlers={HTTPException: not_found, **dict.fromkeys(READING, cannot), Exception: failed},
        lifespan=closing,
    )
    app.state.look = look
    return app


def first(_request: Request) -> Response:
    """The first page of the menu."""
    return RedirectResponse(NAVIGATION[0][0])


def image(request: Request) -> Response:
    """The stored image with this sha256: it never changes, so a browser asks for it once."""
    sha256 = request.path_params["sha256"]
    path = look_of(request).store.image_path(sha256) if _SHA256.fullmatch(sha256) else None
    if path is None or not path.is_file():
        raise HTTPException(404, "This image is not there: materialise `source_images` of its shard again.")
    return FileResponse(path, media_type="image/jpeg", headers={"cache-control": FOR_GOOD})


def not_found(request: Request, error: Exception) -> Response:
    """What is not there, and what an address should have been."""
    assert isinstance(error, HTTPException)
    says = error.detail if error.detail != "Not Found" else "There is no such page."
    return said(request, error.status_code, "Not here", says)


def cannot(request: Request, error: Exception) -> Response:
    """Tables or a ledger that cannot be read now."""
    return said(request, 503, "Cannot be read", str(error))


def failed(request: Request, error: Exception) -> Response:
    """A disk or a database that fails, in a sentence; any other error is one of this program."""
    says = why(error, look_of(request).home) or f"This is an error of lwv look itself: {type(error).__name__}: {error}"
    return said(request, 500, "An error", says)


def said(request: Request, status: int, title: str, says: str) -> Response:
    """A sentence as a page, or as JSON where a script asked."""
    if request.method != "GET" or request.url.path.startswith("/queue/"):
        return JSONResponse({"says": visible(mask(says))}, status)
    return page(request, "error.jinja", status, title=title, says=says)
