"""Which licence each document has: stated in the LICENCES.csv of its collection, or of one that has the same bytes."""

import csv
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from assets.source_images.register import Entry

FILE = "LICENCES.csv"
UNKNOWN = "unknown"
NEEDED = ("file", "licence")
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}  # the first one that gives the columns needed
MOST_BYTES = 50_000_000  # far more than a line for each of a million files


class LicencesError(ValueError):
    """A LICENCES.csv that cannot be understood; the message names the file and what is missing."""


class Licences:
    """The licence of every document under a sources folder. Each LICENCES.csv is read once, when it is needed.

    copies: of documents with the same bytes, the paths relative to the sources folder, those of each together.
    """

    def __init__(self, sources: Path, copies: Iterable[Iterable[str]]) -> None:
        self._sources = sources
        self._tables: dict[str, dict[str, str]] = {}
        self._copies: dict[str, list[str]] = {}
        for paths in map(sorted, copies):
            self._copies.update(dict.fromkeys(paths, paths))

    def of(self, path: str) -> str:
        """The licence of the document at `path`; `unknown` where neither its collection nor that of a copy states one.

        Where they state different ones, all hold: they are joined by AND. Raises LicencesError for its own collection.
        """
        stated = {self._own(path)}
        for copy in self._copies.get(path, ()):
            try:
                stated.add(self._own(copy))
            except LicencesError:  # the shards of that collection say so
                continue
        return joined(stated - {UNKNOWN}) or UNKNOWN

    def _own(self, path: str) -> str:
        folder, inside = split_path(path)
        if folder not in self._tables:
            self._tables[folder] = read_licences(self._sources / folder)
        return licence_of(inside, self._tables[folder])


def licences_of(sources: Path, entries: Iterable[Entry]) -> Licences:
    """The licences of registered documents, those that are there more than once known to be the same."""
    paths = defaultdict[str, list[str]](list)
    for entry in entries:
        if not entry.gone and entry.duplicate_of is not None:
            paths[entry.document_id] += [entry.path, entry.duplicate_of]
    return Licences(sources, map(set, paths.values()))


def split_path(path: str) -> tuple[str, str]:
    """(collection's folder, path in it) of a document; the folder is empty where it lies directly under the sources."""
    folder, slash, inside = path.partition("/")
    return (folder, inside) if slash else ("", path)


def read_licences(collection: Path, *, with_folders: bool = True) -> dict[str, str]:
    """SPDX expression by file and by folder, relative to the collection folder (posix); empty without a LICENCES.csv.

    A folder without a line of its own has the licences of its files together, where all are known; with_folders=False:
    what the lines say, no more.
    Header: file, licence, author, title, origin (the first two are needed), separated by commas, or by semicolons or
    tabs as some spreadsheets do. Raises LicencesError.
    """
    path = collection / FILE
    name = f"{collection.name}/{FILE}"
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):  # a folder or a pipe of this name: the account of files says so
            return {}
        if found.st_size > MOST_BYTES:
            raise LicencesError(
                f"{name} has more than {MOST_BYTES // 1_000_000} MB: it is no table of licences; replace it"
            )
        with path.open(encoding="utf-8-sig", newline="") as file:
            delimiter, columns = _first_line(file.readline(), name)
            reader = csv.DictReader(file, columns, delimiter=delimiter)
            stated = (_stated(row, delimiter, f"line {reader.line_num + 1} of {name}") for row in reader if row["file"])
            return _with_folders(dict(stated)) if with_folders else dict(stated)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LicencesError(f"{name} cannot be read ({error.strerror}); give yourself the right to read it") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LicencesError(f"{name} cannot be read ({error}); save it as CSV in UTF-8") from error


def _first_line(line: str, name: str) -> tuple[str, list[str]]:
    """(what separates the columns, their names): the first of DELIMITERS that gives those needed."""
    missing = list(NEEDED)
    for delimiter in DELIMITERS:
        cells = next(csv.reader([line], delimiter=delimiter), [])
        columns = [cell.strip().lower() for cell in cells]
        lacking = [column for column in NEEDED if column not in columns]
        if not lacking:
            return delimiter, columns
        missing = min(missing, lacking, key=len)
    raise LicencesError(
        f"{name} has no column {' and no column '.join(missing)}; its first line must be: "
        "file,licence,author,title,origin (with commas, or semicolons or tabs, in this and all other lines)"
    )


def _stated(row: Mapping[str, str | None], delimiter: str, place: str) -> tuple[str, str]:
    """(file, licence) of a line. Raises LicencesError where it is separated otherwise than the first one."""
    file, licence = row["file"] or "", row["licence"]
    if licence is None and (other := next((one for one in DELIMITERS if one in file and one != delimiter), "")):
        raise LicencesError(
            f"{place} is separated by {DELIMITERS[other]} where the first line is by {DELIMITERS[delimiter]}; "
            "use the same in all lines"
        )
    return key_of(file), (licence or "").strip() or UNKNOWN


def licence_of(document: str, licences: Mapping[str, str]) -> str:
    """The licence of a document (path relative to its collection)."""
    return licences.get(key_of(document), UNKNOWN)


def joined(licences: Iterable[str]) -> str:
    """Licences that all hold, as one SPDX expression; empty where there are none."""
    found: set[str] = set()
    for licence in licences:
        found.update([licence] if _chooses(licence) else licence.split(" AND "))
    return " AND ".join(f"({one})" if _chooses(one) and len(found) > 1 else one for one in sorted(found))


def _chooses(licence: str) -> bool:
    """Whether an SPDX expression leaves a choice, so that it needs brackets beside another one."""
    return " OR " in licence


def _with_folders(licences: dict[str, str]) -> dict[str, str]:
    inside = defaultdict[str, set[str]](set)
    for file, licence in licences.items():
        folder = file.rpartition("/")[0]
        while folder:
            inside[folder].add(licence)
            folder = folder.rpartition("/")[0]
    return {folder: UNKNOWN if UNKNOWN in found else joined(found) for folder, found in inside.items()} | licences


def key_of(file: str) -> str:
    """How a LICENCES.csv calls the file: relative to its collection, however it is spelt there."""
    return unicodedata.normalize("NFC", file.strip().replace("\\", "/").removeprefix("./").rstrip("/"))
