"""A call as it is sent: the bytes of its body by a server's profile, and a record of what was sent.

What repeats is built once: an image's bytes are encoded for the first call that has it and kept while there is room.
"""

import asyncio
import base64
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resources.engine.learning import Sent
from resources.engine.profile import Profile, Reach, power
from resources.engine.schemas import as_plain
from resources.failures import AnswerError
from resources.messages import Call, Image, Message
from resources.text.headings import SEPARATOR

KEPT_BYTES = 48_000_000  # of encoded images
LEAST_SIDE = 224  # pixels: under it nobody can read a page
LEAST_TOKENS = 16
QUALITY = 80  # of a JPEG that is made smaller


@dataclass(frozen=True)
class Request:
    """One HTTP body. sent: what it held, for learning; record: the same for people, JSON; reach: how much it asks."""

    body: bytes
    sent: Sent
    record: str
    reach: Reach


class Images:
    """Images as they stand in a body, by sha256 and size: encoded once, the least used ones dropped."""

    def __init__(self, read: Callable[[str], bytes], kept_bytes: int = KEPT_BYTES) -> None:
        self._read = read
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def part(self, sha256: str) -> bytes:
        """The image as a part of a message."""
        return self._part(sha256, 100, self._read)

    def smaller(self, sha256: str, percent: int) -> bytes:
        """The same with sides of so many percent. Raises ValueError where too little of it would be left."""
        return self._part(sha256, percent, lambda name: scaled(self._read(name), percent))

    def _part(self, sha256: str, percent: int, read: Callable[[str], bytes]) -> bytes:
        key = (sha256, percent)
        with self._lock:  # smaller ones are made in threads
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
        part = b"".join(
            (
                b'{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,',
                base64.b64encode(read(sha256)),
                b'"}}',
            )
        )
        with self._lock:
            if key not in self._kept:
                self._kept[key] = part
                self._size += len(part)
            while self._size > self._kept_bytes:
                self._size -= len(self._kept.popitem(last=False)[1])
        return part


def scaled(jpeg: bytes, percent: int) -> bytes:
    """A JPEG with sides of so many percent. Raises ValueError where its longer side would be under LEAST_SIDE."""
    import io

    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(jpeg)) as image:
        size = tuple(max(1, round(side * percent / 100)) for side in image.size)
        if max(size) < LEAST_SIDE:
            raise ValueError(f"its longer side would have {max(size)} pixels")
        out = io.BytesIO()
        image.convert("RGB").resize((size[0], size[1]), Pillow.Resampling.LANCZOS).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


async def build(
    call: Call, model: str, extra: Mapping[str, object], profile: Profile, images: Images, room: int | None = None
) -> Request:
    """The request of a call by a profile. extra: fields that a setting adds; room: the most tokens of this call.

    Raises AnswerError("overflow") where the profile takes fewer images or bytes than the call has.
    """
    count = sum(isinstance(part, Image) for message in call.messages for part in message.parts)
    if profile.most_images is not None and count > profile.most_images:
        raise AnswerError(
            "overflow", f"it has {count} images, and the server takes {profile.most_images} a request: "
            "raise the server's limit (vLLM: --limit-mm-per-prompt), or write fewer pages at once "
            "(instructions.chapter_pages in the recipe)",
        )  # fmt: skip
    fields = request_fields(call, model, extra, profile, room)
    head, tail = json.dumps({"model": fields.pop("model")}, ensure_ascii=False), json.dumps(fields, ensure_ascii=False)

    def assembled(percent: int) -> bytes:
        turns = turns_of(call.messages, profile.system, images, percent)
        last = b"," + _bytes(tail[1:]) if fields else b"}"
        return b"".join((_bytes(head[:-1]), b',"messages":[', b",".join(turns), b"]", last))

    body, percent = assembled(100), 100
    if profile.most_bytes is not None and count and len(body) > profile.most_bytes:
        body, percent = await asyncio.to_thread(_fitted, assembled, len(body), profile.most_bytes)
    limit = fields.get(profile.limit) if profile.limit else None
    sent = Sent(
        frozenset({"model", "messages", *fields}),
        profile,
        int(limit) if isinstance(limit, int) else call.max_tokens,
        call.temperature if "temperature" in fields else None,
        count,
        len(body),
        "response_format" in fields,
        frozenset(extra),
    )
    reach = Reach(power(sent.room), power(count) if count else -1, power(len(body) // 2**18), sent.schema)
    return Request(body, sent, _record(fields, profile, call, count, percent, len(body)), reach)


def _fitted(assembled: Callable[[int], bytes], size: int, most: int) -> tuple[bytes, int]:
    """The body with images so small that it fits, and their sides in percent."""
    percent = 100
    while size > most:
        percent = min(percent - 5, int(percent * (most / size) ** 0.5))
        try:
            body = assembled(percent)
        except ValueError as error:
            raise AnswerError(
                "overflow", f"its request has {size / 1e6:.1f} MB, more than the server takes ({most / 1e6:.1f} MB), "
                "and smaller images could not be read: raise the limit of the server or of the proxy before it "
                "(nginx: client_max_body_size), or lower LWV_MAX_SIDE",
            ) from error  # fmt: skip
        size = len(body)
    return body, percent


def request_fields(
    call: Call, model: str, extra: Mapping[str, object], profile: Profile, room: int | None
) -> dict[str, Any]:
    """Everything but the messages."""
    most = min(profile.most_tokens or 10**9, room or 10**9)
    fields: dict[str, Any] = {"model": model}
    if profile.limit:
        fields[profile.limit] = max(LEAST_TOKENS, min(call.max_tokens + profile.thinking, most))
    if profile.temperature is not None:
        fields["temperature"] = min(max(call.temperature, profile.temperature[0]), profile.temperature[1])
    if profile.seed:
        fields["seed"] = call.seed
    if profile.stream:
        fields["stream"] = True
        if profile.usage:
            fields["stream_options"] = {"include_usage": True}
    fields |= call.extra
    if "response_format" in fields:
        if profile.structure == "plain":
            fields["response_format"] = as_plain(fields["response_format"])
        elif profile.structure == "json":
            fields["response_format"] = {"type": "json_object"}
        elif profile.structure == "none":
            del fields["response_format"]
    return fields | dict(extra)


def turns_of(messages: Sequence[Message], system: bool, images: Images, percent: int) -> list[bytes]:
    """The messages as JSON. system: a turn of its own, else the beginning of the first user turn."""
    if not system and len(messages) > 1 and messages[0].speaker == "system" and messages[1].speaker == "user":
        first = messages[1]
        at = next((index for index, part in enumerate(first.parts) if isinstance(part, str)), 0)
        parts = (*first.parts[:at], *messages[0].parts, *first.parts[at:])
        messages = (Message("user", parts), *messages[2:])
    return [turn_of(message, images, percent) for message in messages]


def turn_of(message: Message, images: Images, percent: int) -> bytes:
    """One message as JSON; a turn of texts alone has a string for its content."""
    opening = b'{"role":"' + message.speaker.encode() + b'","content":'
    if all(isinstance(part, str) for part in message.parts):
        text = SEPARATOR.join(str(part) for part in message.parts)
        return opening + _bytes(json.dumps(text, ensure_ascii=False)) + b"}"
    parts = [
        (images.part(part.sha256) if percent == 100 else images.smaller(part.sha256, percent))
        if isinstance(part, Image)
        else b'{"type":"text","text":' + _bytes(json.dumps(part, ensure_ascii=False)) + b"}"
        for part in message.parts
    ]
    return opening + b"[" + b",".join(parts) + b"]}"


def _record(fields: Mapping[str, Any], profile: Profile, call: Call, count: int, percent: int, size: int) -> str:
    said: dict[str, Any] = {name: value for name, value in fields.items() if name != "response_format"}
    if "response_format" in fields:
        said["response_format"] = fields["response_format"].get("type", "")
    if "response_format" in call.extra:
        said["structure"] = profile.structure
    if not profile.system:
        said["system"] = "in the first user turn"
    if count:
        said |= {"images": count, "bytes": size}
    if percent < 100:
        said["image_sides_percent"] = percent
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def _bytes(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which has none, as a question mark."""
    return text.encode("utf-8", "replace")
