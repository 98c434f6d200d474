"""Who may use a document, and how: the LICENCES.csv of its collection."""

import csv
from pathlib import Path

FILE = "LICENCES.csv"
UNKNOWN = "unknown"


def read_licences(collection: Path) -> dict[str, str]:
    """File or folder name within the collection -> SPDX expression; empty without a LICENCES.csv.

    Raises ValueError where the file lacks the columns `file` and `licence`.
    """
    path = collection / FILE
    if not path.exists():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"file", "licence"} <= set(reader.fieldnames or ()):
            raise ValueError(f"{path} needs a first line with at least the columns file,licence.")
        return {row["file"].strip().rstrip("/"): (row["licence"] or "").strip() or UNKNOWN for row in reader}
