"""What is believed of a reader's answers: it has read an untrusted file, and may say whatever that file made it say."""

import struct
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar

from assets.source_images.measure import LANGUAGES, UNDETERMINED
from assets.source_images.pages import Probe
from assets.source_images.reading.frames import Message, NonsenseError
from assets.source_images.schema import Kind

READERS = ("pillow", "pdfium", "libreoffice", "python-pptx")
KINDS: tuple[Kind, ...] = ("single", "multi", "deck")
MAX_SENTENCE = 1000  # characters
CONTROLS = {code: " " for code in (*range(32), *range(127, 160)) if code != ord("\n")}
T = TypeVar("T", bound=str)


class Measured(TypedDict):
    """What is measured on a page, half a second of it. blank: there is nothing on it."""

    phash: str
    ocr_text: str
    language: str
    blank: bool


@dataclass(frozen=True)
class DrawnPage:
    """A page as drawn. number: 1-based; width, height: pixels."""

    number: int
    jpeg: bytes
    width: int
    height: int
    reader: str


def drawn_page(message: Message, number: int, max_side: int) -> DrawnPage:
    """The page `number` of a document, at most `max_side` pixels on a side. Raises NonsenseError."""
    fields = message.fields
    size = (_integer(fields, "width"), _integer(fields, "height"))
    if _integer(fields, "number") != number or not all(0 < side <= max_side for side in size):
        raise NonsenseError(f"page {fields['number']} of {size} pixels")
    if jpeg_size(message.blob) != size:
        raise NonsenseError("a page that is no JPEG of its size")
    return DrawnPage(number, message.blob, *size, _one_of(fields, "reader", READERS))


def measured(message: Message) -> Measured:
    """What a page says. Raises NonsenseError."""
    fields = message.fields
    phash, blank = fields.get("phash"), fields.get("blank")
    if not isinstance(phash, str) or len(phash) != 16 or not isinstance(blank, bool):
        raise NonsenseError("no perceptual hash")
    text = _text(fields, "text")
    language = _one_of(fields, "language", (*LANGUAGES, UNDETERMINED))
    return {"phash": f"{_hex(phash):016x}", "ocr_text": text, "language": language, "blank": blank}


def probe_of(message: Message) -> Probe:
    """What a document's headers say. Raises NonsenseError."""
    readable = message.fields.get("readable")
    if not isinstance(readable, bool):
        raise NonsenseError("neither readable nor not")
    return Probe(_one_of(message.fields, "kind", KINDS), readable, sentence(message, "why"))


def sentence(message: Message, field: str) -> str:
    """A sentence for a person, on one line. Raises NonsenseError."""
    return " ".join(_text(message.fields, field)[:MAX_SENTENCE].split())


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) as the header of a whole JPEG says; None where it is none."""
    if not data.startswith(b"\xff\xd8") or not data.endswith(b"\xff\xd9"):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind, (length,) = data[at + 1], struct.unpack_from("!H", data, at + 2)
        if 0xC0 <= kind <= 0xC2:
            height, width = struct.unpack_from("!HH", data, at + 5)
            return width, height
        at += 2 + length
    return None


def _integer(fields: dict[str, Any], field: str) -> int:
    found = fields.get(field)
    if not isinstance(found, int) or isinstance(found, bool):
        raise NonsenseError(f"{field} is no number")
    return found


def _text(fields: dict[str, Any], field: str) -> str:
    found = fields.get(field)
    if not isinstance(found, str):
        raise NonsenseError(f"{field} is no text")
    return found.encode(errors="replace").decode().translate(CONTROLS)


def _one_of(fields: dict[str, Any], field: str, known: tuple[T, ...]) -> T:
    for value in known:
        if fields.get(field) == value:
            return value
    raise NonsenseError(f"{field} is none of {', '.join(known)}")


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError as error:
        raise NonsenseError("no perceptual hash") from error
