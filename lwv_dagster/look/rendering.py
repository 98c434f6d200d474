"""What every page has: the home that is looked at, its tables, the templates with all that they print escaped."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from lwv_dagster.look.tables import Tables
from resources.secrets import mask
from resources.store import Store
from resources.text.shown import in_line, number_of, visible

FOLDER = Path(__file__).parent
NAVIGATION: tuple[tuple[str, str], ...] = (("/queue", "Queue"),)  # address and title, in the order of the menu


@dataclass(frozen=True)
class Look:
    """What is looked at."""

    store: Store

    @property
    def home(self) -> Path:
        """LWV_HOME."""
        return self.store.home

    @cached_property
    def tables(self) -> Tables:
        """Its tables."""
        return Tables(self.store)


def look_of(request: Request) -> Look:
    """What the app of this request looks at."""
    found: Look = request.app.state.look
    return found


def environment() -> Environment:
    """Jinja2 with autoescape. Filters: `shown` (a text from outside, without control characters and secrets), `line`
    (the same on one line), `number` (1,234), `count("row")` (1 row, 2 rows), `money`, `share` (0.5 -> 50 %)."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "shown": lambda text: visible(mask(str(text))),
        "line": lambda text: in_line(mask(str(text))),
        "number": lambda value: "–" if value is None else f"{value:,}",
        "count": number_of,
        "money": lambda usd: "–" if usd is None else f"${usd:,.4f}" if usd < 1 else f"${usd:,.2f}",
        "share": lambda value: "–" if value is None else f"{value:.0%}",
    }
    made.filters.update(filters)
    made.globals["navigation"] = NAVIGATION
    return made


_ENVIRONMENT = environment()


def rendered(template: str, **values: object) -> str:
    """A template as HTML, without a request: for fragments and pages that are mailed."""
    return _ENVIRONMENT.get_template(template).render(values)


def page(request: Request, template: str, status: int = 200, **values: object) -> HTMLResponse:
    """An answer out of a template that extends `base.jinja`, which asks for `title` and takes `notes`, sentences."""
    values = {"path": request.url.path, "home": look_of(request).home, "notes": [], **values}
    return HTMLResponse(rendered(template, **values), status)
