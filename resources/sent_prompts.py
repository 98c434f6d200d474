"""Prompts as they were sent, kept beside their calls: a message once for all chats that begin alike, images by hash."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from sqlalchemy import select

from resources.ledger import ASKED_AT_ONCE, PROMPTS, Ledger, Record
from resources.messages import Image, Message
from resources.secrets import mask
from resources.text.shown import clean_text

ID_DIGITS = 32  # hexadecimal
REMEMBERED = 20_000  # messages that this process knows to be in the database


class SentMessage(NamedTuple):
    """A message as it was sent. parent: id of the one before it; empty of a first one. parts: texts, and images in
    their place."""

    parent: str
    speaker: str
    parts: tuple[str | Image, ...]


PromptTree = dict[str, SentMessage]  # by the id of a prompt that ends with the message


class PromptKeeper:
    """Writes calls with their prompts. A message that this process has written is not given to the database again."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._written: OrderedDict[str, None] = OrderedDict()

    def put(self, record: Record, messages: Sequence[Message]) -> None:
        """`Ledger.put`, in one transaction with what was sent. Raises LedgerError."""
        ids = prompt_ids(messages)
        self._ledger.put(replace(record, prompt=ids[-1]), self._new(ids, messages))
        self._remember(ids)

    def complete(self, record: Record, messages: Sequence[Message]) -> None:
        """The prompt of a call from before prompts were kept: its key says that these messages were sent."""
        if not record.prompt:
            ids = prompt_ids(messages)
            self._ledger.put_prompt(record.call_id, ids[-1], self._new(ids, messages))
            self._remember(ids)

    def _new(self, ids: Sequence[str], messages: Sequence[Message]) -> list[dict[str, str]]:
        parents = ("", *ids)
        return [
            message_row(prompt_id, parent, message)
            for prompt_id, parent, message in zip(ids, parents, messages, strict=False)
            if prompt_id not in self._written
        ]

    def _remember(self, ids: Sequence[str]) -> None:
        for prompt_id in ids:
            self._written[prompt_id] = None
            self._written.move_to_end(prompt_id)
        while len(self._written) > REMEMBERED:
            self._written.popitem(last=False)


def prompt_ids(messages: Sequence[Message]) -> list[str]:
    """The id of each message of a chat: a hash over it and the id of the one before. There is at least one."""
    found, before = list[str](), ""
    for message in messages:
        known = message.ids
        if before not in known:
            known[before] = hashlib.sha256(before.encode() + message.mark).hexdigest()[:ID_DIGITS]
        before = known[before]
        found.append(before)
    return found


def message_row(prompt_id: str, parent: str, message: Message) -> dict[str, str]:
    """A row of PROMPTS, without secrets and control characters."""
    parts = [{"image": part.sha256} if isinstance(part, Image) else mask(clean_text(part)) for part in message.parts]
    return {
        "prompt_id": prompt_id,
        "parent": parent,
        "speaker": message.speaker,
        "parts": json.dumps(parts, ensure_ascii=False),
    }


def prompt_tree(ledger: Ledger, prompts: Iterable[str]) -> PromptTree:
    """The messages of some prompts, each once; without those that were forgotten meanwhile. prompts: of calls."""
    found, wanted = PromptTree(), iter(dict.fromkeys(filter(None, prompts)))
    while some := list(islice(wanted, ASKED_AT_ONCE)):
        last = select(PROMPTS).where(PROMPTS.c.prompt_id.in_(some)).cte("sent", recursive=True)
        whole = last.union(select(PROMPTS).join(last, PROMPTS.c.prompt_id == last.c.parent))
        with ledger.connected() as connection:
            for prompt_id, parent, speaker, parts in connection.execute(select(whole)):
                found[prompt_id] = SentMessage(parent, speaker, tuple(map(_part, json.loads(parts))))
    return found


def messages_of(tree: PromptTree, prompt: str) -> list[SentMessage]:
    """The messages of a prompt in order, as far back as they are known. Pure."""
    found, seen = list[SentMessage](), set[str]()
    while (message := tree.get(prompt)) and prompt not in seen:
        seen.add(prompt)
        found.append(message)
        prompt = message.parent
    return found[::-1]


def _part(part: str | dict[str, str]) -> str | Image:
    return part if isinstance(part, str) else Image(part["image"])
