"""What is sent to a model: messages of text and image references, their ledger key and their wire form."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypedDict

from resources.text.headings import SEPARATOR

Role = Literal["teacher", "critic", "judge"]
Speaker = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("teacher", "critic", "judge")


@dataclass(frozen=True)
class Image:
    """An image of the store, named by the sha256 of its JPEG bytes; read only when a call is really sent."""

    sha256: str


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: texts and images in the order in which the model gets them."""

    speaker: Speaker
    parts: tuple[str | Image, ...]


class TextPart(TypedDict):
    """A text in a message of several parts, as OpenAI's chat API has it."""

    type: Literal["text"]
    text: str


class ImageUrl(TypedDict):
    """Where an image is: here always a data URL."""

    url: str


class ImagePart(TypedDict):
    """An image in a message of several parts."""

    type: Literal["image_url"]
    image_url: ImageUrl


Part: TypeAlias = TextPart | ImagePart


class WireMessage(TypedDict):
    """One turn as it is sent; a turn of texts alone is a string."""

    role: Speaker
    content: str | list[Part]


def system(text: str) -> Message:
    """The turn that says how to answer."""
    return Message("system", (text,))


def user(*parts: str | Image) -> Message:
    """The turn that asks; its parts are sent in this order."""
    return Message("user", parts)


def assistant(text: str) -> Message:
    """An earlier answer of the model."""
    return Message("assistant", (text,))


@dataclass(frozen=True)
class Call:
    """One question to one role. Everything that can change the answer is in `key_fields`."""

    role: Role
    messages: Sequence[Message]
    template: str  # version of the prompt template, `write@1f3a09c2`
    sample: str  # the example or document that it is for: a sample stays with one endpoint
    step: str  # `plan`, `section-003`, …: for people who read the ledger
    max_tokens: int = 4096
    temperature: float = 0.7
    seed: int = 0
    attempt: int = 0  # 0, then one more for each time the same question is asked again
    left: int | None = None  # calls that the sample still needs, this one too; None: not known. Not in the key
    extra: Mapping[str, object] = field(default_factory=dict)  # further JSON fields of the request: response_format

    def key(self, model: str) -> str:
        """Ledger key, sha256 hex: role, model, parameters, template, seed, attempt, and each part's content in order.

        An image counts by the hash of its bytes, so a renamed source file costs no new call.
        """
        digest = hashlib.sha256(
            json.dumps(
                [
                    self.role,
                    model,
                    self.template,
                    self.max_tokens,
                    self.temperature,
                    self.seed,
                    self.attempt,
                    self.extra,
                ],
                sort_keys=True,
            ).encode()
        )
        for message in self.messages:
            digest.update(f"\x00{message.speaker}".encode())
            for part in message.parts:
                if isinstance(part, Image):
                    digest.update(b"\x01" + part.sha256.encode())
                else:
                    digest.update(b"\x02" + hashlib.sha256(part.encode()).digest())
        return digest.hexdigest()


def wire(messages: Sequence[Message], read_image: Callable[[str], bytes]) -> list[WireMessage]:
    """OpenAI chat messages; images as JPEG data URLs, in order. read_image: sha256 -> JPEG bytes."""
    out: list[WireMessage] = []
    for message in messages:
        if all(isinstance(part, str) for part in message.parts):
            out.append({"role": message.speaker, "content": SEPARATOR.join(str(part) for part in message.parts)})
            continue
        content: list[Part] = []
        for part in message.parts:
            if isinstance(part, Image):
                data = base64.b64encode(read_image(part.sha256)).decode()
                content.append({"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}})
            else:
                content.append({"type": "text", "text": part})
        out.append({"role": message.speaker, "content": content})
    return out
