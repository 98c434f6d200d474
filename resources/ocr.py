"""Text on a page image, read by RapidOCR; read once per image in a process."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from rapidocr import RapidOCR
    from rapidocr.utils.output import RapidOCROutput

_LOCK = threading.Lock()
_CACHE: OrderedDict[str, list[str]] = OrderedDict()
_CACHE_PAGES = 2048
_reader: "RapidOCR | None" = None


def read_lines(image: bytes) -> list[str]:
    """Text lines of an encoded image (JPEG, PNG, …), top to bottom; empty where there are none.

    About 0.5 s a page on two cores the first time; the same bytes are answered from memory after that.
    """
    sha256 = hashlib.sha256(image).hexdigest()
    with _LOCK:
        if (known := _known(sha256)) is not None:
            return known
        result = cast("RapidOCROutput", _loaded()(image))  # its other forms are for one stage asked alone
        lines = [line.strip() for line in (result.txts or ()) if line.strip()]
        _keep(sha256, lines)
        return lines


def known_lines(sha256: str) -> list[str] | None:
    """The lines of the image with this sha256 (hex) where they are in memory."""
    with _LOCK:
        return _known(sha256)


def remember(sha256: str, lines: Sequence[str]) -> None:
    """Keep what another process has read on the image with this sha256 (hex)."""
    with _LOCK:
        _keep(sha256, list(lines))


def use_one_core() -> None:
    """Before the first page: read on one core, in a process that is one of several."""
    with _LOCK:
        _load({"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1})


def _known(sha256: str) -> list[str] | None:
    if sha256 in _CACHE:
        _CACHE.move_to_end(sha256)
    return _CACHE.get(sha256)


def _keep(sha256: str, lines: list[str]) -> None:
    _CACHE[sha256] = lines
    if len(_CACHE) > _CACHE_PAGES:
        _CACHE.popitem(last=False)


def _loaded() -> "RapidOCR":
    return _reader or _load({})


def _load(params: dict[str, int]) -> "RapidOCR":
    global _reader
    from rapidocr import RapidOCR  # slow to import: only where text is read

    _reader = RapidOCR(params={"Global.log_level": "error", **params})
    return _reader
