"""Lines of a LICENCES.csv that state the licence of no file: a typing error that would leave a document `unknown`."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path

from assets.source_images.images import SUFFIXES
from assets.source_images.licences import key_of, read_licences
from assets.source_images.not_read import ending_of
from assets.source_images.walk import walk

NAMED = 5  # of the lines that fit nothing
MOST_COMPARED = 10_000  # names by likeness, which takes time


def misfits(collection: Path, *, loose: bool) -> str:
    """`2 of its lines fit no file: P0.jpg (p0.jpg?), x.jpg`; empty where each line fits one.

    loose: of the files directly under the sources folder, where no folder below counts. Raises LicencesError.
    """
    lines = read_licences(collection, with_folders=False)
    names = _names(collection, loose=loose) if lines else set[str]()
    wrong = [line for line in lines if line not in names]
    if not wrong:
        return ""
    named = ", ".join(_with_nearest(line, names) for line in wrong[:NAMED]) + (", …" if len(wrong) > NAMED else "")
    return f"{len(wrong)} of its lines {'fits' if len(wrong) == 1 else 'fit'} no file: {named}"


def _names(collection: Path, *, loose: bool) -> set[str]:
    """Of all files, and of the folders with images in them, as lines would call them."""
    found = set[str]()
    for place in walk(collection):
        if not (loose and "/" in place.name):
            found.add(key_of(place.name))
            if ending_of(place.name) in SUFFIXES:
                found.add(key_of(place.name).rpartition("/")[0])
    return found - {""}


def _with_nearest(line: str, names: Collection[str]) -> str:
    """The line, and the name that may be meant: but for its capitals, in another folder, or much like it."""
    alike: Mapping[str, str] = {name.casefold(): name for name in sorted(names)}
    below: Mapping[str, str] = {name.rpartition("/")[2]: name for name in alike}
    wanted = line.casefold()
    nearest = alike.get(wanted) or alike.get(below.get(wanted.rpartition("/")[2], ""))
    if nearest is None and len(names) <= MOST_COMPARED:
        nearest = alike.get(next(iter(get_close_matches(wanted, alike, 1, 0.75)), ""))
    return f"{line} ({nearest}?)" if nearest else line
