"""The report as one HTML page that can be mailed: it asks for no other file, and has no script."""

from collections.abc import Mapping, Sequence

from assets.quality.quarantine import QuarantineRow
from assets.quality_report.overview import FOLDER, STYLE, templates
from assets.source_files.schema import SourceFile

MOST_ROWS = 1000  # of a table; the page stays small whatever the factory has


def render_page(
    notes: Sequence[str],
    parts: Mapping[str, str],
    quarantine: Sequence[QuarantineRow],
    files: str,
    unread: Sequence[SourceFile],
) -> str:
    """HTML. notes: shown first. parts: of the overview, by heading, as HTML. files: the account of files in a
    sentence; unread: those that were not read, or the first of them."""
    sheets = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / "mail.css", STYLE))
    return (
        templates()
        .get_template("mail.jinja")
        .render(
            styles=sheets,
            notes=notes,
            parts=parts,
            aside=quarantine,
            files=files,
            unread=unread,
            most=MOST_ROWS,
        )
    )
