"""Qwen2.5-VL's processor around a tokenizer of our own: what the built students read images and chat with."""

from collections.abc import Callable, Iterable
from pathlib import Path

from transformers import (
    GenerationConfig,
    PreTrainedTokenizerBase,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)


def chat_processor(tokenizer: PreTrainedTokenizerBase, pixels: int) -> Qwen2_5_VLProcessor:
    """Qwen2.5-VL's processor and chat template around a tokenizer; `pixels` of an image at most."""
    from trl import chat_template_utils

    template = Path(chat_template_utils.__file__).parent / "chat_templates" / "qwen2_5_vl.jinja"
    make: Callable[..., Qwen2_5_VLProcessor] = Qwen2_5_VLProcessor
    return make(
        image_processor=Qwen2VLImageProcessor(
            patch_size=14, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 28 * 28, "longest_edge": pixels}
        ),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(),
        chat_template=template.read_text(),
    )


def token_ids(tokenizer: PreTrainedTokenizerBase, tokens: Iterable[str]) -> dict[str, int]:
    """token -> its id. Raises KeyError for one that the tokenizer does not have."""
    vocabulary = tokenizer.get_vocab()
    return {token: vocabulary[token] for token in tokens}


def sampling(ends: int | list[int], pad: int) -> GenerationConfig:
    """How a model of ours writes unless it is told otherwise: the paper's settings (docs/method.md 4.1).

    ends, pad: token ids."""
    make: Callable[..., GenerationConfig] = GenerationConfig
    return make(
        eos_token_id=ends,
        pad_token_id=pad,
        do_sample=True,
        temperature=0.6,
        top_p=0.95,
        top_k=0,  # all tokens; what transformers takes where nothing is said is 50
        repetition_penalty=1.0,
    )
