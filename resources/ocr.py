"""Text on a page image, read by RapidOCR; read once per image in a process."""

import hashlib
import threading
from collections import OrderedDict
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
    global _reader
    key = hashlib.sha256(image).hexdigest()
    with _LOCK:  # one ONNX session; it uses every core by itself
        if key in _CACHE:
            _CACHE.move_to_end(key)
            return _CACHE[key]
        if _reader is None:
            from rapidocr import RapidOCR  # slow to import: only where text is read

            _reader = RapidOCR(params={"Global.log_level": "error"})
        result = cast("RapidOCROutput", _reader(image))  # its other forms are for one stage asked alone
        lines = [line.strip() for line in (result.txts or ()) if line.strip()]
        _CACHE[key] = lines
        if len(_CACHE) > _CACHE_PAGES:
            _CACHE.popitem(last=False)
        return lines
