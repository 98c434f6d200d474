"""What can go wrong with a model call: one error per kind of answer, each a sentence that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class EndpointError(RuntimeError):
    """The endpoint cannot serve any call: the run stops, what was answered is kept.

    `kind`: wrong_key | unknown_model | unreachable | rate_limited | no_quota | timeout | setting | failed |
    not_answered (by the ledger, in a run that may ask no model).
    """

    def __init__(self, message: str, kind: str = "setting") -> None:
        super().__init__(message)
        self.kind = kind


class StorageError(RuntimeError):
    """A disk or a database cannot be used (full, read-only, damaged); the sentence names the file and the remedy."""


class LedgerError(StorageError):
    """No further row can be written to the ledger, or none be read (disk full, read-only, damaged): the run stops."""


class StoppedError(RuntimeError):
    """No further call is made in this run (budget, signal); what was answered is kept and the next run goes on."""


class AnswerError(RuntimeError):
    """This one answer cannot be used; its document goes to quarantine and the others go on.

    `kind`: refused | filtered | empty | truncated | overflow | rejected | malformed | failed (what was answered);
    pushed_back | server_error | unreachable | timeout (nothing was, in all tries); overdue (the document as a whole);
    language | loop | repeat | short | long (a section after its repairs); not_long | irrelevant | too_long (a request).
    partial: the text of a truncated answer, to be continued; never used as it is.
    image: which of its example's images it is about, 1-based; None: all.
    call_id: of the last call that was asked for its document; empty where none was.
    """

    def __init__(self, kind: str, message: str, partial: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.partial = partial
        self.image: int | None = None
        self.call_id = ""


@contextmanager
def about_image(image: int | None) -> Iterator[None]:
    """What the AnswerErrors of the block are about: one of an example's images, 1-based; None: all of them."""
    try:
        yield
    except AnswerError as error:
        error.image = image
        raise
