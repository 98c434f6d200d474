"""Qwen2.5-VL's processor around a tokenizer of our own: what the built students read images and chats with."""

from pathlib import Path
from typing import Any

from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor


def chat_processor(tokenizer: Any, pixels: int) -> Qwen2_5_VLProcessor:
    """Qwen2.5-VL's processor and chat template around a tokenizer; `pixels` of an image at most."""
    from trl import chat_template_utils

    template = Path(chat_template_utils.__file__).parent / "chat_templates" / "qwen2_5_vl.jinja"
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(
            patch_size=14, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 28 * 28, "longest_edge": pixels}
        ),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=template.read_text(),
    )
