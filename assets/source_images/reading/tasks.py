"""What readers are asked to do: look at the headers of files, draw a document's pages, measure a page."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assets.source_images.pages import Bounds, Probe, document_name
from assets.source_images.reading.believed import DrawnPage, Measured, drawn_page, measured, probe_of, sentence
from assets.source_images.reading.frames import Message, NonsenseError

CONVERT_S = 180  # before the first page of a PPTX: LibreOffice for one deck
DOCUMENT_PAGES = 60  # slow pages' worth of time that drawing a document may take
PROBE_S = 20
LOAD_S = 60  # of the models, before a reader's first page


@dataclass(frozen=True)
class ReadPage:
    """A page as read. number: 1-based; width, height: pixels; reader: what drew it; blank: there is nothing on it."""

    number: int
    image_sha256: str
    width: int
    height: int
    reader: str
    phash: str
    ocr_text: str
    language: str
    blank: bool


@dataclass
class Reading:
    """A document that is being read. why: a sentence where it cannot be; its pages are then of no use."""

    path: Path
    pages: dict[int, ReadPage] = field(default_factory=dict)
    drawn: list[tuple[DrawnPage, str]] = field(default_factory=list)  # without their bytes, which are stored
    all_drawn: bool = False
    why: str = ""
    texts_read: int = 0  # pages whose text was not known before

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do for it."""
        return bool(self.why) or (self.all_drawn and len(self.pages) == len(self.drawn))


def as_job(bounds: Bounds) -> dict[str, object]:
    """The settings that a job names."""
    return {
        "sources": str(bounds.sources.absolute()),
        "max_side": bounds.max_side,
        "max_file_mb": bounds.max_file_mb,
        "max_pages": bounds.max_pages,
    }


class DrawTask:
    """The pages of a document as JPEG. store: keeps a JPEG and returns its sha256."""

    def __init__(self, reading: Reading, bounds: Bounds, page_seconds: float, store: Callable[[bytes], str]) -> None:
        self.reading = reading
        self._bounds = bounds
        self._page_seconds = page_seconds
        self._store = store
        self._name = document_name(reading.path, bounds)
        self._end = 0.0

    @property
    def job(self) -> dict[str, object]:
        """What a reader is told."""
        return {
            "do": "draw",
            "name": self._name,
            "path": str(self.reading.path.absolute()),
            "bounds": as_job(self._bounds),
        }

    @property
    def seconds(self) -> float:
        """For the next page; the whole document has its end too."""
        converted = self.reading.drawn or self.reading.path.suffix.lower() != ".pptx"
        now, seconds = time.monotonic(), self._page_seconds + (0 if converted else CONVERT_S)
        self._end = self._end or now + seconds + self._page_seconds * DOCUMENT_PAGES
        return min(seconds, self._end - now)

    def take(self, message: Message) -> bool:
        """Use an answer; True where it was the last one. Raises NonsenseError, OSError of the store."""
        match message.fields.get("say"):
            case "page" if len(self.reading.drawn) < self._bounds.max_pages:
                page = drawn_page(message, len(self.reading.drawn) + 1, self._bounds.max_side)
                bare = DrawnPage(page.number, b"", page.width, page.height, page.reader)
                self.reading.drawn.append((bare, self._store(page.jpeg)))
                return False
            case "drawn" if self.reading.drawn:
                self.reading.all_drawn = True
                return True
            case "unreadable":
                self.reading.why = sentence(message, "why")
                return True
        raise NonsenseError("no answer to `draw`")

    def fail(self, why: str) -> None:
        """The page that was about to come, or the file before the first, is to blame."""
        page = f", page {len(self.reading.drawn) + 1}," if self.reading.drawn else ""
        self.reading.why = f"{self._name}{page} {why}"


class MeasureTask:
    """What is on a page. text: where it is known already."""

    def __init__(
        self, reading: Reading, number: int, image: Path, name: str, text: str | None, page_seconds: float
    ) -> None:
        self.reading = reading
        self.number = number
        self.seconds = LOAD_S + page_seconds
        self._page_seconds = page_seconds
        self.job: dict[str, object] = {"do": "measure", "name": name, "image": str(image.absolute()), "text": text}
        self._name = name
        self._text_known = text is not None

    def take(self, message: Message) -> bool:
        """Use the answer. Raises NonsenseError."""
        match message.fields.get("say"):
            case "loaded" if self.seconds > self._page_seconds:
                self.seconds = self._page_seconds
                return False
            case "measured":
                self._keep(measured(message))
            case "unreadable":
                self.reading.why = sentence(message, "why")
            case _:
                raise NonsenseError("no answer to `measure`")
        return True

    def fail(self, why: str) -> None:
        """This page is to blame."""
        self.reading.why = f"{self._name} {why}"

    def _keep(self, found: Measured) -> None:
        page, sha256 = self.reading.drawn[self.number - 1]
        self.reading.pages[self.number] = ReadPage(page.number, sha256, page.width, page.height, page.reader, **found)
        self.reading.texts_read += not self._text_known


class ProbeTask:
    """The headers of some files; those that a reader has not come to after one that ended it are `rest`."""

    def __init__(self, paths: Sequence[Path], bounds: Bounds, page_seconds: float) -> None:
        self.found: dict[Path, Probe] = {}
        self.rest: Sequence[Path] = ()
        self.seconds = min(PROBE_S, page_seconds)
        self._paths = paths
        self._bounds = bounds

    @property
    def job(self) -> dict[str, object]:
        """What a reader is told."""
        paths = [str(path.absolute()) for path in self._paths]
        return {"do": "probe", "name": "a file", "paths": paths, "bounds": as_job(self._bounds)}

    def take(self, message: Message) -> bool:
        """Use an answer; True where it was the last one. Raises NonsenseError."""
        match message.fields.get("say"):
            case "probe" if message.fields.get("number") == len(self.found) < len(self._paths):
                self.found[self._paths[len(self.found)]] = probe_of(message)
                return False
            case "probed" if len(self.found) == len(self._paths):
                return True
        raise NonsenseError("no answer to `probe`")

    def fail(self, why: str) -> None:
        """The file that was about to come is to blame; the others are looked at again."""
        at = len(self.found)
        if at < len(self._paths):
            name = document_name(self._paths[at], self._bounds)
            self.found[self._paths[at]] = Probe("single", False, f"{name} {why}")
            self.rest = self._paths[at + 1 :]
