"""The demo's last words on files: how many were not read, and why."""

import os

from assets.source_files.summary import tally_of
from lwv_dagster.terminal import console
from resources.store import DamagedTableError, Store

TABLE = "tables/source_files/all.parquet"


def show_files(store: Store) -> None:
    """One sentence, and where each of those that were not read stands; nothing where no account was written."""
    try:
        tally = tally_of(store)
    except DamagedTableError as error:
        console.print(f"\n{error}", soft_wrap=True, markup=False)
        return
    if said := tally.sentence():
        page, table = (os.path.relpath(store.home / part) for part in ("reports/index.html", TABLE))
        where = f" Each with its reason: {page} (as a table: {table})" if tally.unread else ""
        console.print(f"\n{said}.{where}", soft_wrap=True, markup=False)
