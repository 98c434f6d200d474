"""`lwv forget`: calls that the ledger holds are shown, and with --yes taken out of it."""

import re
import shlex
import time
from collections.abc import Sequence
from datetime import datetime

from rich.markup import escape

from assets.steps import NAMES, STEP_OF
from lwv_dagster.terminal import console, print_table
from resources.failures import LedgerError
from resources.ledger_forget import CallGroup, LedgerCleaner, Which
from resources.settings import Settings
from resources.text.shown import number_of

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
COLUMNS = ("role", "model", "status", "calls", "tokens", "US dollars")


def run_forget(which: Which, asked: Sequence[str], yes: bool) -> int:
    """Exit code 0 where there was something to show or to forget. asked: the command's arguments, to be said again."""
    if which == Which() or "" in asked:  # an empty value, of a variable that is not set, would mean all
        console.print(
            "lwv forget: say which calls, by one or more of --role, --model, --template, --status, --sample, --before "
            "and --since, none of them empty.",
            soft_wrap=True,
        )
        return 2
    try:
        cleaner = LedgerCleaner(Settings().absolute().home)
        try:
            return _forget(cleaner, which, asked, yes)
        finally:
            cleaner.close()
    except (LedgerError, ValueError) as error:
        console.print(f"[red]lwv forget:[/] {escape(str(error))}", soft_wrap=True)
        return 2


def _forget(cleaner: LedgerCleaner, which: Which, asked: Sequence[str], yes: bool) -> int:
    groups = cleaner.count(which)
    if not groups:
        _show(f"No call is such a one; {cleaner.path} holds", cleaner.count(Which()))
        return 1
    if not yes:
        _show(f"These calls of {cleaner.path} would be forgotten", groups)
        command = shlex.join(["lwv", "forget", *asked, "--yes"])
        console.print(f"Nothing was deleted. To forget them:  {command}", soft_wrap=True, markup=False)
        return 0
    _show(f"Forgotten, of {cleaner.path}", groups)
    count, roles = cleaner.forget(which), {group.role for group in groups}
    steps = [name for name in NAMES if roles & set(STEP_OF[name].roles)]
    console.print(
        f"{number_of(count, 'call')} {'was' if count == 1 else 'were'} deleted; the tables are as they were. "
        "Next: `lwv demo`, or materialize "
        f"{', '.join(steps)} of the shards again: these calls are made anew, and paid again.",
        soft_wrap=True,
        markup=False,
    )
    return 0


def _show(title: str, groups: Sequence[CallGroup]) -> None:
    rows = [(*group[:3], f"{group.calls:,}", f"{group.tokens:,}", f"{group.usd:.4f}") for group in groups]
    if len(groups) > 1:
        calls, tokens = sum(group.calls for group in groups), sum(group.tokens for group in groups)
        rows.append(("all", "", "", f"{calls:,}", f"{tokens:,}", f"{sum(group.usd for group in groups):.4f}"))
    print_table(escape(title), COLUMNS, rows, numbers=COLUMNS[3:])


def moment(text: str) -> float:
    """Unix time of an ISO date or time (local where it names no zone), or of so long ago: 30m, 2h, 3d.

    Raises ValueError with a sentence.
    """
    if ago := re.fullmatch(r"(\d{1,6}(?:\.\d+)?)\s*([smhdw])", text.strip()):
        return time.time() - float(ago[1]) * UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time: write 2h, 3d, 2026-11-26 or 2026-11-26T18:30.") from error
