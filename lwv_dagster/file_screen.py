"""The demo's last words on files: how many were not read, and why."""

from assets.source_files.summary import tally_of
from lwv_dagster.terminal import console
from resources.store import DamagedTableError, Store


def show_files(store: Store) -> None:
    """One sentence; nothing where no account was written."""
    try:
        said = tally_of(store).sentence()
    except DamagedTableError as error:
        said = str(error)
    if said:
        console.print(f"\n{said}. Each with its reason: tables/source_files/all.parquet", soft_wrap=True, markup=False)
