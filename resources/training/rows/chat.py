"""Training rows as the strings a Qwen-VL model sees; text from outside can never be a control token."""

import re
from collections.abc import Sequence

from resources.text.headings import SEPARATOR
from resources.training.rows.dataset_rows import ImageFile
from resources.training.rows.processor import Processor

IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
END_OF_TURN = "<|im_end|>"
_CONTROL = re.compile(r"<\|([a-z_]+)\|>")


def plain(text: str) -> str:
    """The text with any `<|control|>` token broken, so that the tokenizer reads it as ordinary letters."""
    return _CONTROL.sub(r"<\1>", text)


def render_prompt(processor: Processor, images: int, request: str, prefix: str = "") -> str:
    """All images, then the request, then the beginning of the answer; what is to be written comes next.

    A prefix ends in a blank line here, on the prompt's side, because a tokenizer may merge a full stop with it.
    """
    content = [*({"type": "image"} for _ in range(images)), {"type": "text", "text": plain(request)}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    return text + (plain(prefix) + SEPARATOR if prefix else "")


def render_answer(text: str, closes: bool = True) -> str:
    """The trainable text; it ends the turn only where it `closes` the answer."""
    return plain(text) + (END_OF_TURN if closes else "")


def image_paths(images: Sequence[ImageFile]) -> list[str]:
    """Where the images are, in order."""
    return [image["path"] for image in images]
