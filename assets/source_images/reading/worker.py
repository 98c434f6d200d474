"""A reader: a process that looks at one untrusted file at a time and says over its stdout what it found.

It is started as `python -m assets.source_images.reading.worker MEMORY FOLDER` (bytes, its own temporary folder), takes
jobs from stdin, and ends when stdin is closed, when there was nothing to do for a while, or when it has grown large.
"""

import logging
import os
import select
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from assets.source_images.reading.confine import confine, split_off_guard, taken
from assets.source_images.reading.frames import Message, encode, receive

IDLE_S = 20
LARGE = 0.8  # of the memory it may take: it ends between two files, and another one is started


@dataclass(frozen=True)
class JobBounds:
    """The settings of a job, as it names them."""

    sources: Path
    max_side: int
    max_file_mb: int
    max_pages: int


def main() -> None:
    """Answer jobs until there are none."""
    memory, folder = int(sys.argv[1]), Path(sys.argv[2])
    split_off_guard(folder)
    network = confine(memory)
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a library prints is no message
    from assets.source_images import pages  # noqa: F401  # within the limits, and before the first job's time counts
    from resources import ocr

    ocr.use_one_core()
    speak = Mouth(out)
    logging.getLogger().addHandler(speak)
    speak.say({"say": "ready", "network": network, "pid": os.getpid()})
    while _has_job() and (job := receive(sys.stdin.buffer)) is not None:
        _answer(job.fields, speak)
        if taken(memory) > LARGE:
            break
    os._exit(0)  # at once: the parent takes the closed pipe for the end


class Mouth(logging.Handler):
    """The pipe to the parent; warnings that are logged go through it too."""

    def __init__(self, out: IO[bytes]) -> None:
        super().__init__(logging.WARNING)
        self._out = out

    def say(self, fields: dict[str, Any], blob: bytes = b"") -> None:
        """Send a message, waiting while the parent does not read."""
        data = memoryview(encode(Message(fields, blob)))
        while data:
            data = data[self._out.write(data) :]

    def emit(self, record: logging.LogRecord) -> None:
        """A warning of ours; libraries talk to nobody."""
        if record.name.startswith("assets."):
            self.say({"say": "warning", "text": record.getMessage()})


def _has_job() -> bool:
    """Whether something comes through stdin before the reader has been idle for long."""
    return bool(select.select([0], [], [], IDLE_S)[0])


def _answer(job: dict[str, Any], speak: Mouth) -> None:
    from assets.source_images.unreadable import UnreadableError, unreadable

    try:
        {"draw": _draw, "measure": _measure, "probe": _probe}[job["do"]](job, speak)
    except UnreadableError as error:
        speak.say({"say": "unreadable", "why": str(error)})
    except Exception as error:
        try:
            speak.say({"say": "unreadable", "why": str(unreadable(job["name"], error, "measured"))})
        except Exception as ours:
            speak.say({"say": "ours", "errno": getattr(ours, "errno", None), "text": f"{type(ours).__name__}: {ours}"})


def _draw(job: dict[str, Any], speak: Mouth) -> None:
    from assets.source_images.pages import read_pages

    for page in read_pages(Path(job["path"]), _bounds(job)):
        fields = {"number": page.number, "width": page.width, "height": page.height, "reader": page.reader}
        speak.say({"say": "page", **fields}, page.jpeg)
    speak.say({"say": "drawn"})


def _measure(job: dict[str, Any], speak: Mouth) -> None:
    from assets.source_images import measure

    jpeg = Path(job["image"]).read_bytes()
    if job["text"] is None:
        measure.load_models()
    speak.say({"say": "loaded"})
    text = measure.page_text(jpeg) if job["text"] is None else job["text"]
    speak.say(
        {
            "say": "measured",
            "phash": measure.perceptual_hash(jpeg),
            "text": text,
            "language": measure.language_of(text),
            "blank": not text and measure.is_blank(jpeg),
        }
    )


def _probe(job: dict[str, Any], speak: Mouth) -> None:
    from assets.source_images.pages import probe

    for number, path in enumerate(job["paths"]):
        found = probe(Path(path), _bounds(job))
        speak.say({"say": "probe", "number": number, "kind": found.kind, "readable": found.readable, "why": found.why})
    speak.say({"say": "probed"})


def _bounds(job: dict[str, Any]) -> JobBounds:
    return JobBounds(**{**job["bounds"], "sources": Path(job["bounds"]["sources"])})


if __name__ == "__main__":
    main()
