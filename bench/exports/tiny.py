"""A tiny Qwen2.5-VL whose special tokens have the ids of the real one, because ms-swift knows them by number."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import (
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)
from trl import chat_template_utils

from resources.training.students.tiny import TINY_PIXELS, tiny_config, train_tokenizer

FIRST_SPECIAL = 151_643
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)


def build(texts: Iterable[str], folder: Path) -> None:
    """Write the project's tiny student into `folder`, with 151,643 vocabulary entries, most of them unused."""
    trained = json.loads(train_tokenizer(texts).backend_tokenizer.to_str())["model"]
    vocab = {token: index for token, index in trained["vocab"].items() if token not in SPECIAL}
    vocab |= {f"unused-{index}": index for index in range(len(vocab), FIRST_SPECIAL)}
    vocab |= {token: FIRST_SPECIAL + index for index, token in enumerate(SPECIAL)}
    tokenizer = Qwen2Tokenizer(
        vocab=vocab,
        merges=[tuple(pair) for pair in trained["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        extra_special_tokens=list(SPECIAL),
    )
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    assert list(ids.values()) == list(range(FIRST_SPECIAL, FIRST_SPECIAL + len(SPECIAL))), ids
    template = Path(chat_template_utils.__file__).parent / "chat_templates" / "qwen2_5_vl.jinja"
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(
            patch_size=14,
            merge_size=2,
            temporal_patch_size=2,
            size={"shortest_edge": 28 * 28, "longest_edge": TINY_PIXELS},
        ),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=template.read_text(),
    )
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(tiny_config(len(tokenizer), ids)).save_pretrained(folder)
    processor.save_pretrained(folder)
