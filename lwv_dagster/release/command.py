"""`lwv release`: one release is written, what is in it is shown, and it is uploaded where that was asked for."""

from pathlib import Path

from rich.markup import escape

from assets.quality.gate import GateClosedError
from assets.source_images.catalog import CatalogError
from lwv_dagster.release.markup import ReleaseError
from lwv_dagster.release.push import push
from lwv_dagster.release.token_counts import CUTOFFS
from lwv_dagster.release.write import FORMATS, Release, write_release
from lwv_dagster.terminal import console, print_table
from resources.settings import SettingError, Settings
from resources.storage_faults import why
from resources.store import MissingTableError, Store

KNOWN = (SettingError, CatalogError, GateClosedError, ReleaseError, MissingTableError, OSError)


def run_release(format_name: str, out: str | None, repo_id: str | None) -> int:
    """Exit code 0 when it is written (and uploaded); a problem is one line that says what to do."""
    try:
        home = Settings().absolute().home
        folder = Path(out).expanduser().resolve() if out else home / "releases" / format_name
        show(write_release(Store(home), FORMATS[format_name], folder))
        if repo_id:
            console.print(f"Uploaded: {push(folder, repo_id)}", soft_wrap=True, markup=False)
    except KNOWN as error:
        return refuse((isinstance(error, OSError) and why(error, Path(out or "."))) or error)
    return 0


def refuse(why: object) -> int:
    """Say why nothing was released; returns the exit code for it."""
    console.print(f"lwv release: {why}", soft_wrap=True, markup=False)
    return 1


def show(release: Release) -> None:
    """What was written, as tables on the terminal: files, tokens, rows left out, notes."""
    console.print(
        f"[bold]lwv release[/]  {release.format}, {release.bytes / 1e6:,.1f} MB in {escape(str(release.folder))}",
        soft_wrap=True,
    )
    print_table("Files", ("file", "rows"), [(name, f"{rows:,}") for name, rows in release.files.items()], ("rows",))
    parts = (("SFT", release.tally.sft), ("preference", release.tally.preference))
    rows = [
        (f"{name}, images {label}", *(f"{part.over[cutoff, size]:,}" for cutoff in CUTOFFS))
        for name, part in parts
        if part.rows
        for size, label in (("stored", "as stored"), ("paper", "280 x 280"))
    ]
    columns = ("rows over so many tokens", *(f"{cutoff:,}" for cutoff in CUTOFFS))
    print_table("Tokens, about", columns, rows, columns[1:])
    left = [(name, reason, f"{count:,}") for name, part in parts for reason, count in part.left_out.items()]
    if left:
        print_table("Left out", ("", "why", "rows"), left, ("rows",))
    for note in release.notes:
        console.print(note, soft_wrap=True, markup=False)
