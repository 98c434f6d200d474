"""What the demo shows on the terminal: a live line while work goes on, and the tables at its end."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

console = Console(highlight=False)
PLAIN_SECONDS = 5.0   # without a terminal: at most one progress line in this time


class _ProgressHandler(logging.Handler):
    """Hands the newest message of `lwv.progress` to the live line, or prints one now and then where there is none."""

    def __init__(self, status: Any | None) -> None:
        super().__init__(logging.INFO)
        self.status = status
        self.last = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        message = escape(record.getMessage())
        if self.status is not None:
            self.status.update(f"  {message}")
        elif time.monotonic() - self.last > PLAIN_SECONDS:
            self.last = time.monotonic()
            console.print(f"    {message}")


@contextmanager
def live_progress(what: str) -> Iterator[None]:
    """While the block runs, the terminal shows what `lwv.progress` says last."""
    logger = logging.getLogger("lwv.progress")
    logger.setLevel(logging.INFO)
    if console.is_terminal:
        with console.status(f"  {escape(what)}") as status:
            yield from _attached(logger, _ProgressHandler(status))
    else:
        console.print(f"  {escape(what)} …")
        yield from _attached(logger, _ProgressHandler(None))


def _attached(logger: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]],
                numbers: Sequence[str] = ()) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    console.print()
    console.print(table)
