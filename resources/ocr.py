"""Text on a page image, read by RapidOCR; read once per image in a process."""

import hashlib
import io
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from PIL import Image

if TYPE_CHECKING:
    from rapidocr import RapidOCR
    from rapidocr.utils.output import RapidOCROutput

MAX_ASPECT = 3
_LOCK = threading.Lock()
_CACHE: OrderedDict[str, list[str]] = OrderedDict()
_CACHE_PAGES = 2048
_params: dict[str, str | int] = {
    "Global.log_level": "error",
    "Rec.rec_batch_num": 1,  # a line at a time: half the memory of six together, no slower, and no line changes another
    "Cls.cls_batch_num": 1,
}
_reader: "RapidOCR | None" = None


def read_lines(image: bytes) -> list[str]:
    """Text lines of an encoded image (JPEG, PNG, …), top to bottom; empty where there are none.

    About 0.5 s a page on two cores the first time; the same bytes are answered from memory after that.
    """
    sha256 = hashlib.sha256(image).hexdigest()
    with _LOCK:
        if (known := _known(sha256)) is not None:
            return known
        result = cast(
            "RapidOCROutput", _loaded()(_less_of_a_strip(image))
        )  # its other forms are for one stage asked alone
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


def load() -> None:
    """Load the models now, which takes seconds, and not when the first page is read."""
    with _LOCK:
        _loaded()


def use_one_core() -> None:
    """Before the first page: read on one core, in a process that is one of several."""
    threads = ("intra_op_num_threads", "inter_op_num_threads")
    _params.update({f"EngineConfig.onnxruntime.{name}": 1 for name in threads})


def _less_of_a_strip(image: bytes) -> "bytes | Image.Image":
    """A page of at most MAX_ASPECT: what is read is made 736 pixels on its short side, however long the other is."""
    with Image.open(io.BytesIO(image)) as page:
        width, height = page.size
        least = math.ceil(max(width, height) / MAX_ASPECT)
        if min(width, height) >= least:
            return image
        padded = Image.new("RGB", (max(width, least), max(height, least)), "white")
        padded.paste(page, (0, 0))
        return padded


def _known(sha256: str) -> list[str] | None:
    if sha256 in _CACHE:
        _CACHE.move_to_end(sha256)
    return _CACHE.get(sha256)


def _keep(sha256: str, lines: list[str]) -> None:
    _CACHE[sha256] = lines
    if len(_CACHE) > _CACHE_PAGES:
        _CACHE.popitem(last=False)


def _loaded() -> "RapidOCR":
    global _reader
    if _reader is None:
        from rapidocr import RapidOCR  # slow to import: only where text is read

        _reader = RapidOCR(params=_params)
    return _reader
