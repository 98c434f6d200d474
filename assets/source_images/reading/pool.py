"""Readers: the processes in which untrusted files are looked at, drawn and read, several side by side."""

import atexit
import contextlib
import errno
import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from assets.source_images.pages import Probe, document_name
from assets.source_images.reading.believed import sentence
from assets.source_images.reading.frames import Message, NonsenseError
from assets.source_images.reading.process import Reader, ReaderError, Task, speaking
from assets.source_images.reading.tasks import DrawTask, MeasureTask, ProbeTask, Reading
from resources import ocr
from resources.cpus import usable_cpus
from resources.settings import Settings
from resources.stopping import STOP
from resources.store import Store

PROBED_TOGETHER = 64
LOOK_S = 0.25  # whether one that is silent is late
READERS_A_DECK = 2  # one deck is drawn at a time for so many readers: LibreOffice takes the memory of two
BEGUN = 4  # documents for each reader that are being read: results come in order, and wait in memory

_idle: list[Reader] = []  # of this process: their models are loaded
_idle_lock = threading.Lock()


class Readers:
    """Up to LWV_READERS processes for the time of a `with`; they are kept for the next one for some seconds.

    A file that breaks a limit (LWV_READER_MB, LWV_PAGE_SECONDS) or the process that reads it costs that file alone:
    the process is ended, with all that it started, and another one goes on. Raises ReaderError where none can start.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._most = settings.readers or usable_cpus()
        self._readers: list[Reader] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Those that are still at work, because the caller wants no more, are ended."""
        for reader in self._readers:
            if reader.task or not reader.ready:
                reader.kill()
            else:
                with _idle_lock:
                    _idle.append(reader)
        self._readers = []

    def probe(self, paths: Sequence[Path]) -> dict[Path, Probe]:
        """What the headers of documents (below `settings.sources`) say, in the order in which it was found out."""
        waiting = deque(paths[at : at + PROBED_TOGETHER] for at in range(0, len(paths), PROBED_TOGETHER))
        found: dict[Path, Probe] = {}

        def next_task() -> Task | None:
            seconds = self._settings.page_seconds
            return ProbeTask(waiting.popleft(), self._settings, seconds) if waiting else None

        for task in self._work(next_task):
            assert isinstance(task, ProbeTask)
            found |= task.found
            if task.rest:
                waiting.append(task.rest)
        return found

    def read(self, paths: Sequence[Path], store: Store, text_of: Callable[[str], str | None]) -> Iterator[Reading]:
        """Each document read, in the order of `paths` (below `settings.sources`); its page images are in the store.

        text_of: sha256 of a page image -> its text, where that is known. While they are drawn, raises OSError and
        ImportError where this machine is at fault.
        """
        shelf = _Shelf([Reading(path) for path in paths], self._settings, self._most, store, text_of)
        for _ in self._work(shelf.next_task):
            yield from shelf.finished()
        yield from shelf.finished()

    # -- who does what --------------------------------------------------------------------------------------------
    def _work(self, next_task: Callable[[], Task | None]) -> Iterator[Task]:
        """Each task once it has ended. next_task: None where there is nothing to begin, for now or at all."""
        while True:
            busy = [reader for reader in self._readers if reader.task]
            while len(busy) < self._most and (task := next_task()):
                reader = self._free_reader()
                reader.begin(task)
                busy.append(reader)
            if not busy:
                return
            yield from self._listen(busy)

    def _free_reader(self) -> Reader:
        for reader in [reader for reader in self._readers if not reader.task]:
            if reader.is_alive():
                return reader
            self._drop(reader)
        self._readers.append(_from_before(self._settings.reader_mb) or Reader(self._settings.reader_mb))
        return self._readers[-1]

    def _listen(self, busy: Sequence[Reader]) -> Iterator[Task]:
        """Wait for an answer, or until one has been silent for too long; tasks that have ended thereby."""
        STOP.check()
        heard = speaking(busy, LOOK_S)
        for reader in busy:
            task = reader.task
            assert task is not None
            if reader in heard:
                ended = self._hear(reader, task)
            elif reader.is_late():
                ended = self._give_up(reader, task)
            else:
                ended = False
            if ended:
                reader.task = None
                yield task

    def _hear(self, reader: Reader, task: Task) -> bool:
        """Whether the task has ended."""
        ended = False
        try:
            for message in reader.hear():
                ended = _use(task, message, ended)
        except NonsenseError as error:
            self._drop(reader)
            task.fail(f"makes its reader answer nonsense ({error}); save it anew, or remove it")
            return True
        except EOFError:
            return self._died(reader, task)
        return ended

    def _give_up(self, reader: Reader, task: Task) -> bool:
        self._drop(reader)
        if not reader.ready:
            raise ReaderError("A process that reads files does not start: this machine is too busy; try again.")
        seconds = self._settings.page_seconds
        task.fail(f"takes longer than LWV_PAGE_SECONDS={seconds} allows; make it simpler, or raise the limit")
        return True

    def _died(self, reader: Reader, task: Task) -> bool:
        code, mb = self._drop(reader), self._settings.reader_mb
        if not reader.ready:
            raise ReaderError(
                f"A process that reads files does not start ({_ending(code)}): raise LWV_READER_MB={mb}, or install "
                "again."
            )
        if code == 0 and not reader.heard:  # it had been idle for too long, at that very moment
            self._free_reader().begin(task)
            return False
        task.fail(
            f"ends the process that reads it ({_ending(code)}): it is damaged, or needs more than LWV_READER_MB={mb}; "
            "save it anew, or raise the limit"
        )
        return True

    def _drop(self, reader: Reader) -> int:
        self._readers.remove(reader)
        return reader.kill()


class _Shelf:
    """The documents of a `read`: which task comes next, and which documents are done, in order."""

    def __init__(
        self,
        readings: Sequence[Reading],
        settings: Settings,
        readers: int,
        store: Store,
        text_of: Callable[[str], str | None],
    ) -> None:
        self._unbegun = deque(readings)
        self._begun = deque[Reading]()
        self._most, self._most_decks = readers * BEGUN, max(1, readers // READERS_A_DECK)
        self._settings = settings
        self._store = store
        self._text_of = text_of
        self._given: dict[int, int] = {}  # id of a reading -> pages that were given out to be measured

    def next_task(self) -> Task | None:
        """A page of the first document that has one, else the next document."""
        for reading in self._begun:
            given = self._given[id(reading)]
            if not reading.why and given < len(reading.drawn):
                self._given[id(reading)] = given + 1
                return self._measure(reading, given + 1)
        if not self._unbegun or len(self._begun) >= self._most:
            return None
        if _is_deck(self._unbegun[0]) and sum(map(_is_being_drawn, filter(_is_deck, self._begun))) >= self._most_decks:
            return None
        reading = self._unbegun.popleft()
        self._begun.append(reading)
        self._given[id(reading)] = 0
        return DrawTask(reading, self._settings, self._settings.page_seconds, self._store.put_image)

    def finished(self) -> Iterator[Reading]:
        """The documents that are done, as far as all before them are."""
        while self._begun and self._begun[0].finished:
            reading = self._begun.popleft()
            del self._given[id(reading)]
            for page in reading.pages.values():
                ocr.remember(page.image_sha256, page.ocr_text.split("\n") if page.ocr_text else [])
            yield reading

    def _measure(self, reading: Reading, number: int) -> Task:
        sha256 = reading.drawn[number - 1][1]
        text = self._text_of(sha256)
        if text is None and (lines := ocr.known_lines(sha256)) is not None:
            text = "\n".join(lines)
        name = f"page {number} of {document_name(reading.path, self._settings)}"
        image = self._store.image_path(sha256)
        return MeasureTask(reading, number, image, name, text, self._settings.page_seconds)


def _is_deck(reading: Reading) -> bool:
    return reading.path.suffix.lower() == ".pptx"


def _is_being_drawn(reading: Reading) -> bool:
    return not reading.all_drawn and not reading.why


def _from_before(memory_mb: int) -> Reader | None:
    """An idle process of an earlier `with` that is still there and has the same limits."""
    with _idle_lock:
        while _idle:
            reader = _idle.pop()
            if reader.memory_mb == memory_mb and reader.is_alive():
                return reader
            reader.kill()
    return None


def end_idle() -> None:
    """End the processes that are kept for the next `Readers`."""
    with _idle_lock:
        while _idle:
            _idle.pop().kill()


atexit.register(end_idle)
os.register_at_fork(after_in_child=_idle.clear)  # they answer to one process


def _use(task: Task, message: Message, ended: bool) -> bool:
    """Whether the task has ended with this message. ended: before it. Raises NonsenseError, OSError, ImportError."""
    if ended:
        raise NonsenseError("something after the last answer")
    match message.fields.get("say"):
        case "warning":
            logging.getLogger(__name__).warning("%s", sentence(message, "text"))
            return False
        case "ours":
            raise _our_error(message)
    return task.take(message)


def _our_error(message: Message) -> Exception:
    """What went wrong on this machine while a file was read."""
    text, number = sentence(message, "text"), message.fields.get("errno")
    if isinstance(number, int):
        return OSError(number, f"{errno.errorcode.get(number, number)} while a file was read: {text}")
    return ImportError(text)


def _ending(code: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(code - 128).name
    return f"exit code {code}"
