"""The report as one HTML page that can be mailed: it asks for no other file, and has no script."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from assets.quality.quarantine import QuarantineRow
from assets.quality_report.overview import FOLDER, STYLE, templates
from assets.source_files.schema import SourceFile

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_ROWS = 1000  # of a table; the page stays small whatever the factory has


def render_page(
    notes: Sequence[str],
    parts: Mapping[str, "Markup"],
    quarantine: Sequence[QuarantineRow],
    files: str,
    unread: Sequence[SourceFile],
) -> str:
    """HTML. notes: shown first. parts: of the overview, by heading. files: the account of files in a sentence; unread:
    those that were not read, or the first of them."""
    from markupsafe import Markup

    sheets = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / "mail.css", STYLE))
    return (
        templates()
        .get_template("mail.jinja")
        .render(
            styles=Markup(sheets),  # noqa: S704  # files of ours
            notes=notes,
            parts=parts,
            aside=quarantine,
            files=files,
            unread=unread,
            most=MOST_ROWS,
        )
    )
