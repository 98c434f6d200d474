"""Random students of half a million weights or less, one of each family that can be trained, with real processors."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from resources.training.students.chat_processor import sampling, token_ids
from resources.training.students.tiny import SPECIAL, build_tiny, train_tokenizer

INTERNVL_TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n'}}{% if message['content'] is string %}"
    "{{ message['content'] }}{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' %}"
    "{{ '<IMG_CONTEXT>\n' }}{% elif content['type'] == 'text' %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{{'<|im_end|>\n'}}{% endfor %}{% if add_generation_prompt %}{{'<|im_start|>assistant\n' }}{% endif %}"
)
INTERNVL_TOKENS = {
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}


def build_student(model_type: str, texts: Iterable[str], folder: Path) -> None:
    """Write one into `folder`, its tokenizer trained on `texts`."""
    folder.mkdir(parents=True, exist_ok=True)
    builders: dict[str, Callable[[Iterable[str], Path], None]] = {
        "qwen2_5_vl": build_tiny,
        "qwen3_vl": build_qwen3_vl,
        "qwen3_5": build_qwen3_5,
        "internvl": build_internvl,
    }
    builders[model_type](texts, folder)


def text_values(tokens: int, ids: dict[str, int], **more: Any) -> dict[str, Any]:
    """What the language models have in common."""
    return {
        "vocab_size": (tokens + 63) // 64 * 64,
        "hidden_size": 128,
        "intermediate_size": 192,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
        **more,
    }


def qwen_tokens(ids: dict[str, int]) -> dict[str, Any]:
    """Of a Qwen-VL's configuration."""
    return {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
    }


VISION = {
    "depth": 3,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_heads": 2,
    "out_hidden_size": 128,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "num_position_embeddings": 64,
}


def qwen3_vl_config(tokens: int, ids: dict[str, int]) -> Qwen3VLConfig:
    """Queries wider than the hidden states, as 4B has them, and two layers that the tower speaks to."""
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [12, 10, 10], "mrope_interleaved": True}
    return Qwen3VLConfig(
        text_config=text_values(tokens, ids, num_hidden_layers=3, head_dim=64, rope_parameters=rope),
        vision_config={**VISION, "deepstack_visual_indexes": [0, 1]},
        tie_word_embeddings=True,
        **qwen_tokens(ids),
    )


def qwen3_5_config(tokens: int, ids: dict[str, int]) -> Qwen3_5Config:
    """Two layers of linear attention, then one of full attention."""
    rope = {
        "rope_type": "default",
        "rope_theta": 1e6,
        "mrope_section": [2, 1, 1],
        "mrope_interleaved": True,
        "partial_rotary_factor": 0.25,
    }
    linear = {
        "layer_types": ["linear_attention", "linear_attention", "full_attention"],
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
    }
    return Qwen3_5Config(
        text_config=text_values(tokens, ids, num_hidden_layers=3, head_dim=32, rope_parameters=rope, **linear),
        vision_config=VISION,
        tie_word_embeddings=True,
        **qwen_tokens(ids),
    )


def internvl_config(tokens: int, ids: dict[str, int]) -> InternVLConfig:
    """Tiles of 56 pixels, each four visual tokens; a Qwen3 inside, as in InternVL 3.5."""
    return InternVLConfig(
        text_config=text_values(
            tokens,
            ids,
            model_type="qwen3",
            num_hidden_layers=2,
            head_dim=32,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            tie_word_embeddings=True,
        ),
        vision_config={
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 96,
            "image_size": [56, 56],
            "patch_size": [14, 14],
        },
        image_token_id=ids["<IMG_CONTEXT>"],
        image_seq_length=4,
        tie_word_embeddings=True,
    )


def build_qwen3_vl(texts: Iterable[str], folder: Path) -> None:
    tokenizer = train_tokenizer(texts)
    ids = token_ids(tokenizer, SPECIAL)
    torch.manual_seed(0)
    save(Qwen3VLForConditionalGeneration(qwen3_vl_config(len(tokenizer), ids)), qwen3_processor(tokenizer), ids, folder)


def build_qwen3_5(texts: Iterable[str], folder: Path) -> None:
    tokenizer = train_tokenizer(texts)
    ids = token_ids(tokenizer, SPECIAL)
    torch.manual_seed(0)
    model = Qwen3_5ForConditionalGeneration(qwen3_5_config(len(tokenizer), ids))
    save(model, qwen3_processor(tokenizer, "qwen3_5_think"), ids, folder)


def build_internvl(texts: Iterable[str], folder: Path) -> None:
    trained = train_tokenizer(texts)
    state = json.loads(trained.backend_tokenizer.to_str())["model"]
    make: Callable[..., Qwen2Tokenizer] = Qwen2Tokenizer
    tokenizer = make(
        vocab={token: number for token, number in state["vocab"].items() if token not in SPECIAL},
        merges=[tuple(pair) for pair in state["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        extra_special_tokens=["<|im_start|>"],
        model_specific_special_tokens=INTERNVL_TOKENS,
    )
    ids = token_ids(tokenizer, ("<|endoftext|>", "<|im_end|>", *INTERNVL_TOKENS.values()))
    torch.manual_seed(0)
    build: Callable[..., InternVLProcessor] = InternVLProcessor
    processor = build(
        image_processor=GotOcr2ImageProcessor(
            size={"height": 56, "width": 56}, crop_to_patches=True, min_patches=1, max_patches=4
        ),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(),
        image_seq_length=4,
        chat_template=INTERNVL_TEMPLATE,
    )
    save(InternVLForConditionalGeneration(internvl_config(len(tokenizer), ids)), processor, ids, folder)


def qwen3_processor(tokenizer: PreTrainedTokenizerBase, template: str = "qwen3_vl") -> Qwen3VLProcessor:
    """Patches of 16 pixels, four to a visual token; at most 25 visual tokens an image."""
    from trl import chat_template_utils

    path = Path(chat_template_utils.__file__).parent / "chat_templates" / f"{template}.jinja"
    make: Callable[..., Qwen3VLProcessor] = Qwen3VLProcessor
    return make(
        image_processor=Qwen2VLImageProcessor(
            patch_size=16,
            merge_size=2,
            temporal_patch_size=2,
            size={"shortest_edge": 32 * 32, "longest_edge": 160 * 160},
        ),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(),
        chat_template=path.read_text(),
    )


def save(model: PreTrainedModel, processor: Any, ids: dict[str, int], folder: Path) -> None:
    model.generation_config = sampling([ids["<|im_end|>"], ids["<|endoftext|>"]], ids["<|endoftext|>"])
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
