"""What is sent to a model: messages of text and image references, and their ledger key."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from json.encoder import encode_basestring
from typing import Literal

from resources.text.headings import SEPARATOR

Role = Literal["teacher", "critic", "judge", "student"]
Speaker = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("teacher", "critic", "judge")  # that have a model of their own; the student has checkpoints


def as_json(text: str) -> str:
    """A text as `json.dumps(text, ensure_ascii=False)` has it, without what that does first."""
    return encode_basestring(text)


@dataclass(frozen=True)
class Image:
    """An image of the store, named by the sha256 of its JPEG bytes; read only when a call is really sent."""

    sha256: str


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: texts and images in the order in which the model gets them.

    It is sent again with each further step of its conversation, so what follows from it is computed once.
    """

    speaker: Speaker
    parts: tuple[str | Image, ...]

    @cached_property
    def mark(self) -> bytes:
        """What tells it from any other: its speaker, and a hash of each part in order."""
        marks = [f"\x00{self.speaker}".encode()]
        for part in self.parts:
            if isinstance(part, Image):
                marks.append(b"\x01" + part.sha256.encode())
            else:
                marks.append(b"\x02" + hashlib.sha256(part.encode("utf-8", "surrogatepass")).digest())
        return b"".join(marks)

    @cached_property
    def ids(self) -> dict[str, str]:
        """Its ids of `sent_prompts`, by the id of the message before it; filled there."""
        return {}

    @cached_property
    def images(self) -> int:
        """How many it has."""
        return sum(isinstance(part, Image) for part in self.parts)

    @cached_property
    def length(self) -> int:
        """Characters, an image as 2,000 of them."""
        return sum(2000 if isinstance(part, Image) else len(part) for part in self.parts)

    @cached_property
    def texts_json(self) -> bytes:
        """The turn with its texts as one, as a request's JSON has it. Half a surrogate pair has no UTF-8: it becomes a
        question mark."""
        texts = as_json(SEPARATOR.join(map(str, self.parts)))
        return f'{{"role":"{self.speaker}","content":{texts}}}'.encode("utf-8", "replace")


# A conversation is sent again with each of its steps: its messages, and their hashes, are made once.
_kept = lru_cache(maxsize=4096)


@_kept
def system(text: str) -> Message:
    """The turn that says how to answer."""
    return Message("system", (text,))


@_kept
def user(*parts: str | Image) -> Message:
    """The turn that asks; its parts are sent in this order."""
    return Message("user", parts)


@_kept
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
    attempt: int = 0  # 0, then more for each time the same question is asked again
    left: int | None = None  # calls that the sample still needs, this one too; None: not known. Not in the key
    goes_on: bool = False  # a part that max_tokens cut is gone on with, and not paid again. Not in the key
    extra: Mapping[str, object] = field(default_factory=dict)  # further JSON fields of the request: response_format

    @property
    def length(self) -> int:
        """Of the prompt: characters, an image as 2,000 of them."""
        return sum(message.length for message in self.messages)

    def key(self, model: str, extra: Mapping[str, object] | None = None) -> str:
        """Ledger key, sha256 hex: role, model, parameters, template, seed, attempt, and each part's content in order.

        extra: the fields that a setting adds to the request. An image counts by the hash of its bytes, so a renamed
        source file costs no new call. It is what was asked, whatever a server made us send.
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
                    {**self.extra, **(extra or {})},
                ],
                sort_keys=True,
            ).encode()
        )
        for message in self.messages:
            digest.update(message.mark)
        return digest.hexdigest()
