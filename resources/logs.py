"""What is logged, and the error that ends a process: without secrets and control characters, whoever logs it."""

import logging
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any, TextIO, cast

from resources.secrets import MaskedError, mask
from resources.text.shown import in_line, visible

OURS = ("assets", "lwv", "lwv_dagster", "resources")  # loggers of this project: what they are given stands in one line


def clean_logs() -> None:
    """From now on, for all loggers of this process. Calling it again changes nothing."""
    logging.setLogRecordFactory(_Record)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _say


def clean_output() -> None:
    """From now on what Python prints in this process holds no secret: for a process whose output is kept."""
    sys.stdout, sys.stderr = cast(TextIO, _Output(sys.stdout)), cast(TextIO, _Output(sys.stderr))


class _Output:
    """A stream that writes into another one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(mask(text))

    def writelines(self, lines: Iterable[str]) -> None:
        self._stream.writelines(map(mask, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Record(logging.LogRecord):
    """A record whose message and stack trace are clean from the start: handlers, Dagster's too, take them as they
    are."""

    def __init__(self, name: str | None, *args: object, **more: object) -> None:
        super().__init__(name or "", *args, **more)  # type: ignore[arg-type]  # as the logging module calls it
        if (name or "").partition(".")[0] in OURS and isinstance(self.args, tuple):
            self.args = tuple(in_line(each) if isinstance(each, str) else each for each in self.args)
        try:
            said = self.getMessage()
        except (TypeError, ValueError, KeyError):  # a format that does not fit: logging itself tells where it stands
            return
        if (clean := visible(mask(said))) != said:
            self.msg, self.args = clean, ()
        if self.exc_info and (error := self.exc_info[1]) is not None:
            trace = "".join(traceback.format_exception(error))
            if (clean := visible(mask(trace))) != trace:
                self.exc_info = (MaskedError, MaskedError(clean), None)


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """As Python itself does at the end of a process."""
    sys.stderr.write(visible(mask("".join(traceback.format_exception(kind, error, trace)))))
