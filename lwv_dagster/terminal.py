"""What the demo shows on the terminal: a live line while work goes on, and the tables at its end."""

import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table
from rich.text import Text

from resources.secrets import mask
from resources.text.shown import in_line, visible


class _Console(Console):
    """Shows what files, servers and models say without secrets and control characters."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(mask(text)), **options)


console = _Console(highlight=False, emoji=False)
PLAIN_SECONDS = 5.0  # without a terminal: at most one progress line in this time


class _LiveLine(logging.Handler):
    """Shows the newest message: on the live line of a terminal, or as a line every few seconds without a terminal."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.status: Status | None = None
        self.last = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", None) or {}
        message = escape(in_line(mask(str(meta.get("orig_message") or record.getMessage()))))
        if message.startswith(escape("[pipes]")):  # Dagster's own words about a connection that nobody made
            return
        if self.status is not None:
            self.status.update(f"  {message}")
        elif time.monotonic() - self.last > PLAIN_SECONDS:
            self.last = time.monotonic()
            console.print(f"    {message}", soft_wrap=True)


_live_line = _LiveLine()


@dg.logger
def terminal_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """The demo's live line: what steps log at INFO and above."""
    logger = logging.Logger("lwv.terminal", logging.INFO)
    logger.addHandler(_live_line)
    return logger


@contextmanager
def live_progress(what: str) -> Iterator[None]:
    """While the block runs, the terminal shows the newest message of runs that log to `terminal_logger`."""
    with _same_output():
        if console.is_terminal:
            try:
                with console.status(f"  {escape(what)}") as _live_line.status:
                    yield
            finally:
                _live_line.status = None
        else:
            console.print(f"  {escape(what)} …")
            _live_line.last = time.monotonic()
            yield


@contextmanager
def _same_output() -> Iterator[None]:
    """The console keeps the output that it has now: while a step runs Dagster puts a file in the place of the
    process's own, and what is said there would reach the terminal late or, after Ctrl+C, never."""
    try:
        kept = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors="replace")
    except (OSError, ValueError):  # no file of this process
        yield
        return
    with kept:
        console.file = kept
        try:
            yield
        finally:
            console.file = None  # type: ignore[assignment]  # sys.stdout, whatever that is by then


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()
) -> None:
    """Print a table. numbers: the columns that are aligned to the right; those and the first one are never wrapped."""
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in numbers else "left",
            no_wrap=column in (*numbers, columns[0]),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(escape(in_line(mask(str(cell)))) for cell in row))
    console.print()
    console.print(table)
