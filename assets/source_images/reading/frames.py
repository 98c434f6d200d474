"""What a reader and its parent say to each other: JSON and bytes that go with it, each with its length before it."""

import json
import struct
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

HEAD = struct.Struct("!II")
MAX_JSON = 4 << 20  # bytes; a page of text has a few thousand
MAX_BLOB = 64 << 20  # bytes; a page of 1,024 pixels has at most two million


class NonsenseError(ValueError):
    """The other side says what it cannot have to say."""


class Message(NamedTuple):
    """fields: of the JSON object; blob: the bytes of a page's JPEG, else empty."""

    fields: dict[str, Any]
    blob: bytes = b""


def encode(message: Message) -> bytes:
    """A message as it goes through a pipe."""
    head = json.dumps(message.fields).encode()
    return HEAD.pack(len(head), len(message.blob)) + head + message.blob


def receive(file: IO[bytes]) -> Message | None:
    """The next message, waited for; None where the other side has closed the pipe."""
    head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    size, blob = HEAD.unpack(head)
    return Message(json.loads(file.read(size)), file.read(blob))


class Incoming:
    """Bytes as they come out of a pipe, put together to messages. The other side is not trusted."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with `data`. Raises NonsenseError."""
        self._buffer += data
        while len(self._buffer) >= HEAD.size:
            size, blob = HEAD.unpack_from(self._buffer)
            if size > MAX_JSON or blob > MAX_BLOB:
                raise NonsenseError(f"a message of {size + blob:,} bytes")
            end = HEAD.size + size + blob
            if len(self._buffer) < end:
                return
            text, rest = bytes(self._buffer[HEAD.size : HEAD.size + size]), bytes(self._buffer[HEAD.size + size : end])
            del self._buffer[:end]
            yield Message(_object(text), rest)


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NonsenseError("no JSON") from error
    if not isinstance(found, dict):
        raise NonsenseError("no object")
    return found
