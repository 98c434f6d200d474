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
from math import ceil
from typing import Any

from resources.engine.learning import Sent
from resources.engine.profile import Profile, Reach, power
from resources.engine.schemas import as_plain
from resources.failures import AnswerError
from resources.messages import Call, Image, Message, as_json

LEAST_SIDE = 224  # pixels: under it nobody can read a page
LEAST_TOKENS = 16
PROMPT_MARGIN = 1.05  # a prompt's tokens are estimated by those of another
QUALITY = 80  # of a JPEG that is made smaller
_OPENING, _CLOSING = '{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,', '"}}'


@dataclass(frozen=True)
class Request:
    """One HTTP body. pieces: its bytes, in order; size: how many in all; sent: what it held, for learning; record: the
    same for people, JSON; reach: how much it asks."""

    pieces: Sequence[bytes]
    size: int
    sent: Sent
    record: str
    reach: Reach


class Images:
    """Images as they stand in a body: encoded once for all calls of a sample, and kept while it is among the samples
    that were asked about last. most_samples: as many as are open at once."""

    def __init__(self, read: Callable[[str], bytes], most_samples: int) -> None:
        self._read, self._most_samples = read, most_samples
        self._kept: OrderedDict[str, dict[tuple[str, int], bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def encoded(self, sample: str, sha256: str, percent: int = 100) -> bytes:
        """Base64 of an image of the sample, with sides of so many percent.

        Raises ValueError where too little of it would be left.
        """
        with self._lock:  # smaller ones are made in threads
            mine = self._kept.setdefault(sample, {})
            self._kept.move_to_end(sample)
            if len(self._kept) > self._most_samples:
                self._kept.popitem(last=False)
            if (found := mine.get((sha256, percent))) is not None:
                return found
        jpeg = self._read(sha256)
        encoded = base64.b64encode(jpeg if percent == 100 else scaled(jpeg, percent))
        mine[sha256, percent] = encoded
        return encoded


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
    count = sum(message.images for message in call.messages)
    if profile.most_images is not None and count > profile.most_images:
        raise AnswerError(
            "overflow", f"it has {count} images, and the server takes {profile.most_images} a request: "
            "raise the server's limit (vLLM: --limit-mm-per-prompt), or write fewer pages at once "
            "(instructions.chapter_pages in the recipe)",
        )  # fmt: skip
    fields = request_fields(call, model, extra, profile, room)
    head, tail = json.dumps({"model": fields.pop("model")}, ensure_ascii=False), json.dumps(fields, ensure_ascii=False)

    def assembled(percent: int) -> list[bytes]:
        body = _Body(call.sample, images, percent)
        body.text(f'{head[:-1]},"messages":[')
        body.turns(folded(call.messages) if not profile.system else call.messages)
        body.text(f"],{tail[1:]}" if fields else "]}")
        return body.pieces()

    pieces, percent = assembled(100), 100
    size = sum(map(len, pieces))
    if profile.most_bytes is not None and count and size > profile.most_bytes:
        pieces, size, percent = await asyncio.to_thread(_fitted, assembled, size, profile.most_bytes)
    limit = fields.get(profile.limit) if profile.limit else None
    sent = Sent(
        frozenset({"model", "messages", *fields}),
        profile,
        int(limit) if isinstance(limit, int) else call.max_tokens,
        call.temperature if "temperature" in fields else None,
        count,
        size,
        "response_format" in fields and "response_format" not in extra,
        frozenset(extra),
    )
    reach = Reach(power(sent.room), power(count) if count else -1, power(size // 2**18), sent.schema)
    return Request(pieces, size, sent, _record(fields, profile, call, count, percent, size), reach)


def _fitted(assembled: Callable[[int], list[bytes]], size: int, most: int) -> tuple[list[bytes], int, int]:
    """The body with images so small that it fits, its size, and their sides in percent."""
    percent, pieces = 100, list[bytes]()
    while size > most:
        percent = min(percent - 5, int(percent * (most / size) ** 0.5))
        try:
            pieces = assembled(percent)
        except ValueError as error:
            raise AnswerError(
                "overflow", f"its request has {size / 1e6:.1f} MB, more than the server takes ({most / 1e6:.1f} MB), "
                "and smaller images could not be read: raise the limit of the server or of the proxy before it "
                "(nginx: client_max_body_size), or lower LWV_MAX_SIDE",
            ) from error  # fmt: skip
        size = sum(map(len, pieces))
    return pieces, size, percent


def request_fields(
    call: Call, model: str, extra: Mapping[str, object], profile: Profile, room: int | None
) -> dict[str, Any]:
    """Everything but the messages."""
    most = min(profile.most_tokens or 10**9, room or left_by(profile, call))
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


def left_by(profile: Profile, call: Call) -> int:
    """The tokens that the server's context leaves to the answer, as far as it is known; at least LEAST_TOKENS."""
    if profile.context is None:
        return 10**9
    context, per_unit = profile.context
    return max(LEAST_TOKENS, context - ceil(PROMPT_MARGIN * per_unit * call.length))


def folded(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages with the system turn as the beginning of the first user turn, behind its images."""
    if len(messages) < 2 or messages[0].speaker != "system" or messages[1].speaker != "user":
        return messages
    first = messages[1]
    at = next((index for index, part in enumerate(first.parts) if isinstance(part, str)), 0)
    parts = (*first.parts[:at], *messages[0].parts, *first.parts[at:])
    return Message("user", parts), *messages[2:]


class _Body:
    """A body that is being written: texts are gathered, images stand between them as they are kept."""

    def __init__(self, sample: str, images: Images, percent: int) -> None:
        self._sample, self._images, self._percent = sample, images, percent
        self._done: list[bytes] = []
        self._text: list[bytes] = []

    def text(self, text: str) -> None:
        self._text.append(text.encode("utf-8", "replace"))

    def turns(self, messages: Sequence[Message]) -> None:
        for number, message in enumerate(messages):
            if number:
                self._text.append(b",")
            if not message.images:
                self._text.append(message.texts_json)
                continue
            self.text(f'{{"role":"{message.speaker}","content":')
            self._parts(message.parts)
            self.text("}")

    def pieces(self) -> list[bytes]:
        """All of it."""
        text = b"".join(self._text)
        self._text.clear()
        return [*self._done, text]

    def _parts(self, parts: Sequence[str | Image]) -> None:
        for number, part in enumerate(parts):
            self.text("," if number else "[")
            if isinstance(part, Image):
                self.text(_OPENING)
                self._done = [*self.pieces(), self._images.encoded(self._sample, part.sha256, self._percent)]
                self.text(_CLOSING)
            else:
                self.text(f'{{"type":"text","text":{as_json(part)}}}')
        self.text("]")


def _record(fields: Mapping[str, Any], profile: Profile, call: Call, count: int, percent: int, size: int) -> str:
    said: dict[str, Any] = {name: value for name, value in fields.items() if name != "response_format"}
    if "response_format" in fields:
        asked = fields["response_format"]
        said["response_format"] = asked.get("type", "") if isinstance(asked, dict) else asked
    if "response_format" in call.extra:
        said["structure"] = profile.structure
    if not profile.system:
        said["system"] = "in the first user turn"
    if count:
        said |= {"images": count, "bytes": size}
    if percent < 100:
        said["image_sides_percent"] = percent
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
