"""A prefix cache as vLLM's: blocks of 16 tokens, each known by all that stands before it, least recently used out."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

BLOCK = 16
VISION_TOKENS = 1200  # of one image
PIECE = re.compile(r"\w{1,4}|[^\w\s]")


def tokens_in(messages: Sequence[dict[str, Any]]) -> list[str]:
    """A token stream for the parts in their order: pieces of words, and VISION_TOKENS for each image by its bytes."""
    stream: list[str] = []
    for message in messages:
        content = message["content"]
        for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
            if part["type"] == "text":
                stream += PIECE.findall(part["text"])
            else:
                name = hashlib.sha256(part["image_url"]["url"].encode()).hexdigest()[:16]
                stream += [name] * VISION_TOKENS
    return stream


class PrefixCache:
    def __init__(self, tokens: int) -> None:
        self.most = tokens // BLOCK
        self.blocks: OrderedDict[int, None] = OrderedDict()

    def lookup(self, stream: Sequence[str]) -> int:
        """Tokens at the start of `stream` that are cached; they count as used."""
        known = 0
        for block in _chain(stream):
            if block not in self.blocks:
                break
            self.blocks.move_to_end(block)
            known += BLOCK
        return known

    def add(self, stream: Sequence[str]) -> None:
        for block in _chain(stream):
            self.blocks[block] = None
            self.blocks.move_to_end(block)
        while len(self.blocks) > self.most:
            self.blocks.popitem(last=False)


def _chain(stream: Sequence[str]) -> list[int]:
    before, blocks = 0, []
    for start in range(0, len(stream) - BLOCK + 1, BLOCK):
        before = hash((before, *stream[start : start + BLOCK]))
        blocks.append(before)
    return blocks
