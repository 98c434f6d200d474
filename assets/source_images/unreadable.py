"""Why a source document cannot be used, as one sentence for a person."""

import errno
import re

OUR_FAULT = frozenset({errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EMFILE, errno.ENFILE})
NO_MEMORY = re.compile(r"alloc|decoder error -9")  # ONNX runtime's word, and Pillow's
DETAIL = 200  # characters of a library's own words


class UnreadableError(ValueError):
    """A source document that cannot become pages. The message names the file, what is wrong and what to do."""


def is_ours(error: BaseException) -> bool:
    """Whether this machine is at fault, not the file: the disk is full, a package is missing."""
    return isinstance(error, ImportError) or (isinstance(error, OSError) and error.errno in OUR_FAULT)


def unreadable(name: str, error: Exception, done: str = "decoded") -> UnreadableError:
    """Whatever a library raises while it looks at `name`, as the sentence for a person. done: to the file, not done.

    Raises `error` where this machine is at fault.
    """
    if isinstance(error, UnreadableError):
        return error
    if is_ours(error):
        raise error
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM or NO_MEMORY.search(str(error)):
        return UnreadableError(
            f"{name} needs more memory than a reader may take; make it smaller, or raise LWV_READER_MB"
        )
    if isinstance(error, RecursionError):
        return UnreadableError(f"{name} is nested too deep to be read; save it anew, or remove it")
    said = str(error).strip()
    if said.startswith("Traceback"):  # ONNX runtime's
        said = said.splitlines()[-1]
    detail = " ".join(said.split()).rstrip(".")[:DETAIL] or type(error).__name__
    return UnreadableError(f"{name} cannot be {done} ({detail}): the file is damaged or cut off; replace it")


SIGNATURES = (
    (b"%PDF", "a PDF header"),
    (b"PK\x03\x04", "a ZIP or Office header"),
    (b"\xd0\xcf\x11\xe0", "an old Office header"),
    (b"\xff\xd8\xff", "a JPEG header"),
    (b"\x89PNG", "a PNG header"),
    (b"GIF8", "a GIF header"),
    (b"{\\rtf", "a rich text header"),
    (b"version https://git-lfs", "a Git LFS pointer: run `git lfs pull`"),
)


def starts_with(head: bytes) -> str:
    """What the first bytes of a file look like, in words."""
    for signature, words in SIGNATURES:
        if head.startswith(signature):
            return words
    if head[4:8] == b"ftyp":
        return "a HEIC, AVIF or video header: export it as JPEG"
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<svg", b"<?xml")):
        return "HTML or XML"
    if not head.strip(b"\0"):
        return "zeros"
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 512 else "ignore")
    except UnicodeDecodeError:
        return "bytes of no known kind"
    return "plain text" if all(c.isprintable() or c.isspace() for c in text) else "bytes of no known kind"
