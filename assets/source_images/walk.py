"""What lies under the sources folder: one walk that opens no file and follows no link, however deep or wide it goes."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from assets.source_images import not_read
from assets.source_images.images import SUFFIXES
from assets.source_images.not_read import Verdict, ending_of
from assets.source_images.pages import DOCUMENT_SUFFIXES, natural_key

Form = Literal["file", "folder", "link", "pipe", "socket", "device"]
LICENCES = "LICENCES.csv"
DECKS = DOCUMENT_SUFFIXES - SUFFIXES  # documents wherever they lie
ODD: dict[Form, Verdict] = {"pipe": not_read.PIPE, "socket": not_read.SOCKET, "device": not_read.DEVICE}
FORMS: dict[int, Form] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What lies at one place, by lstat.

    name: posix, relative to the sources folder. size: bytes; of a folder that is a document, of its images. mtime_ns:
    likewise the newest. document: the name of the document that it is, or is a page of; else empty. verdict: where it
    is known already that it is none; None of a document, and where its content has a say.
    """

    name: str
    form: Form
    size: int
    mtime_ns: int
    document: str = ""
    verdict: Verdict | None = None

    @property
    def is_document(self) -> bool:
        """Whether it is a document as a whole, not only a page of one."""
        return self.document != "" and self.document == self.name

    @property
    def is_file(self) -> bool:
        """Whether it counts as a file: all but a folder that is a document, whose pages count."""
        return not (self.form == "folder" and self.is_document)


class _Child(NamedTuple):
    name: str
    form: Form
    size: int
    mtime_ns: int


class _Further(NamedTuple):
    """A folder to be looked into. depth: 0 is the sources folder itself. aside: why nothing in it is read."""

    name: str
    depth: int
    aside: Verdict | None


def walk(sources: Path) -> Iterator[Place]:
    """Everything below the sources folder, depth first in natural order: a place for each file, for each folder that
    is a document (before its pages), and for each folder that cannot be listed.

    An image directly in the sources folder or in a collection is a document; further down, the images of a folder are
    one together. PDF and PPTX files are documents anywhere. In memory are the folders on the way, no more.
    """
    root = sources.resolve()
    ways = [_folder(root, _Further("", 0, None))]
    while ways:
        step = next(ways[-1], None)
        if step is None:
            ways.pop()
        elif isinstance(step, _Further):
            ways.append(_folder(root, step))
        else:
            yield step


def _folder(root: Path, folder: _Further) -> Iterator[Place | _Further]:
    """The places of one folder, and the folders in it where their turn is."""
    try:
        own, children = _listed(root / folder.name)
    except FileNotFoundError:  # it went while we were on our way
        return
    except OSError as error:
        yield Place(folder.name, "folder", 0, 0, verdict=not_read.unlisted(error))
        return
    images = [child for child in children if _is_page(child)] if folder.depth > 1 and folder.aside is None else []
    if images:
        newest = max(own, *(child.mtime_ns for child in images))
        yield Place(folder.name, "folder", sum(child.size for child in images), newest, document=folder.name)
    for child in children:
        place = Place(_join(folder.name, child.name), child.form, child.size, child.mtime_ns)
        verdict = folder.aside or not_read.by_name(child.name)
        if child.form == "folder":
            if child.name == LICENCES and folder.depth < 2:
                yield replace(place, size=0, verdict=not_read.LICENCES_FORM)
            yield _Further(place.name, folder.depth + 1, verdict)
        elif verdict is not None:
            yield replace(place, verdict=verdict)
        elif images and _is_page(child):
            yield replace(place, document=folder.name)
        else:
            yield _file(root, place, child.name, folder.depth)


def _file(root: Path, place: Place, name: str, depth: int) -> Place:
    """A file that is no page of its folder. depth: of the folder."""
    ending = ending_of(name)
    named = ending in DECKS or (ending in SUFFIXES and depth < 2)
    if place.form == "link":
        return _link(root, place, named)
    if named:
        return replace(place, document=place.name)
    if name == LICENCES and depth > 1:
        return replace(place, verdict=not_read.LICENCES_LOOSE)
    if name == LICENCES:
        return replace(place, verdict=not_read.LICENCES if place.form == "file" else not_read.LICENCES_FORM)
    return replace(place, verdict=ODD.get(place.form))


def _link(root: Path, place: Place, named: bool) -> Place:
    """A link: what it leads to is looked at where that lies inside. Of what lies outside, nothing is asked."""
    path = root / place.name
    try:
        if not path.resolve().is_relative_to(root):
            return replace(place, verdict=not_read.OUTSIDE)
        found = path.stat()
        if not stat.S_ISDIR(found.st_mode):
            inside = replace(place, size=found.st_size, mtime_ns=found.st_mtime_ns)
            return replace(inside, document=place.name) if named else inside
        own, children = _listed(path)
    except (OSError, RuntimeError):  # RuntimeError: it leads back to itself (Python before 3.13)
        return replace(place, verdict=not_read.DEAD_LINK)
    images = [child for child in children if _is_page(child)]
    if not images:
        return replace(place, size=0, verdict=not_read.FOLDER_LINK)
    newest = max(own, *(image.mtime_ns for image in images))
    return replace(place, size=sum(image.size for image in images), mtime_ns=newest, document=place.name)


def _listed(folder: Path) -> tuple[int, list[_Child]]:
    """The time of a folder (mtime, ns) and what it holds, in natural order. Raises OSError, also where it can be
    listed but not entered."""
    children = []
    own = folder.stat().st_mtime_ns
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # it went meanwhile
                continue
            form = FORMS.get(stat.S_IFMT(found.st_mode), "device")
            children.append(_Child(entry.name, form, found.st_size, found.st_mtime_ns))
    children.sort(key=lambda child: natural_key(child.name))
    return own, children


def _is_page(child: _Child) -> bool:
    """Whether it is named as a page of its folder is."""
    named = ending_of(child.name) in SUFFIXES
    return named and child.form != "folder" and not_read.by_name(child.name) is None


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
