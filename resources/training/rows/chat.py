"""Training rows as the strings a student sees; text from outside can never be a control token."""

import re
from collections.abc import Sequence

from resources.text.headings import SEPARATOR
from resources.training.rows.dataset_rows import ImageFile
from resources.training.rows.processor import Processor

IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
END_OF_TURN = "<|im_end|>"
_CONTROL = re.compile(r"<\|([a-z_]+)\|>")


def plain(text: str, others: Sequence[str] = ()) -> str:
    """The text with any `<|control|>` token broken, and `others` that are written otherwise, so that the tokenizer
    reads them as ordinary letters."""
    text = _CONTROL.sub(r"<\1>", text)
    for token in others:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def other_controls(processor: Processor) -> list[str]:
    """The special tokens of a student's tokenizer that are not written `<|so|>`, as InternVL's `<img>`."""
    return [token for token in processor.tokenizer.all_special_tokens if not _CONTROL.fullmatch(token)]


def render_prompt(processor: Processor, images: int, request: str, prefix: str = "") -> str:
    """All images, then the request, then the beginning of the answer; what is to be written comes next.

    A prefix ends in a blank line here, on the prompt's side, because a tokenizer may merge a full stop with it.
    """
    others = other_controls(processor)
    content = [*({"type": "image"} for _ in range(images)), {"type": "text", "text": plain(request, others)}]
    # A template that lets a model think first (Qwen3.5's) would open its thoughts, and the answer would be among them.
    thinks = isinstance(processor.chat_template, str) and "enable_thinking" in processor.chat_template
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=False,
        add_generation_prompt=True,
        **({"enable_thinking": False} if thinks else {}),
    )
    return text + (plain(prefix, others) + SEPARATOR if prefix else "")


def render_answer(text: str, closes: bool = True, others: Sequence[str] = ()) -> str:
    """The trainable text; it ends the turn only where it `closes` the answer. others: as `other_controls` has them."""
    return plain(text, others) + (END_OF_TURN if closes else "")


def image_paths(images: Sequence[ImageFile]) -> list[str]:
    """Where the images are, in order."""
    return [image["path"] for image in images]
