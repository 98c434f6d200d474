"""What every page has: the home that is looked at, its tables, the templates with all that they print escaped."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from lwv_dagster.look.standing import Standing
from lwv_dagster.look.tables import Tables
from resources.secrets import mask
from resources.store import Store
from resources.text.shown import in_line, number_of, visible

T = TypeVar("T")
FOLDER = Path(__file__).parent
NAVIGATION: tuple[tuple[str, str], ...] = (
    ("/overview", "Overview"),
    ("/queue?decided=no", "Queue"),
    ("/row", "Trail"),
    ("/diff", "Diff"),
)  # address and title, in the order of the menu


@dataclass(frozen=True)
class Look:
    """What is looked at: a home's store, its tables, and how its segments stand."""

    store: Store
    tables: Tables
    standing: Standing
    _kept: dict[str, tuple[object, Any]] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    @classmethod
    def at(cls, home: Path) -> "Look":
        """What is looked at in this LWV_HOME."""
        store = Store(home)
        tables = Tables(store)
        return cls(store, tables, Standing(store, tables))

    @property
    def home(self) -> Path:
        """LWV_HOME."""
        return self.store.home

    def kept(self, name: str, stamp: object, make: Callable[[], T]) -> T:
        """What `make` gave the last time under this name, as long as the stamp is the same (`Tables.stamp`)."""
        found = self._kept.get(name)
        if found is None or found[0] != stamp:
            self._kept[name] = found = (stamp, make())
        value: T = found[1]
        return value

    def alone(self, name: str) -> threading.Lock:
        """Held while this is computed: who asks for it meanwhile waits, and finds what was read."""
        return self._locks.setdefault(name, threading.Lock())

    def close(self) -> None:
        """Close the databases."""
        self.tables.close()
        self.standing.close()


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
