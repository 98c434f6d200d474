"""Which licence each source file has, read from the LICENCES.csv of its collection."""

import csv
import unicodedata
from pathlib import Path

FILE = "LICENCES.csv"
UNKNOWN = "unknown"
NEEDED = ("file", "licence")


class LicencesError(ValueError):
    """A LICENCES.csv that cannot be understood; the message names the file and what is missing."""


def read_licences(collection: Path) -> dict[str, str]:
    """SPDX expression by file, relative to the collection folder (posix); empty where there is no LICENCES.csv.

    Header: file, licence, author, title, origin (the first two are needed). Raises LicencesError.
    """
    path = collection / FILE
    name = f"{collection.name}/{FILE}"
    if not path.exists():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [(column or "").strip().lower() for column in reader.fieldnames or ()]
            if missing := [column for column in NEEDED if column not in columns]:
                raise LicencesError(
                    f"{name} has no column {' and no column '.join(missing)}; its first line must be: "
                    "file,licence,author,title,origin"
                )
            reader.fieldnames = columns
            return {_key(row["file"]): (row["licence"] or "").strip() or UNKNOWN for row in reader if row["file"]}
    except (UnicodeDecodeError, csv.Error) as error:
        raise LicencesError(f"{name} cannot be read ({error}); save it as CSV in UTF-8") from error


def licence_of(document: str, licences: dict[str, str]) -> str:
    """The licence of a document (path relative to its collection): its own line, else those of a folder's files."""
    key = _key(document)
    if key in licences:
        return licences[key]
    inside = sorted({licence for file, licence in licences.items() if file.startswith(f"{key}/")})
    return " AND ".join(inside) if inside and UNKNOWN not in inside else UNKNOWN


def _key(file: str) -> str:
    return unicodedata.normalize("NFC", file.strip().replace("\\", "/").removeprefix("./").rstrip("/"))
