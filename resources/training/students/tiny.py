"""The `tiny` student: a Qwen2.5-VL of half a million random weights, built from a configuration and some texts."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
)

from resources.training.students.chat_processor import chat_processor, sampling, token_ids

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
VOCABULARY = 2048  # entries of the tiny tokenizer, special tokens included
TINY_PIXELS = 140 * 140  # per image: 25 visual tokens, so that a deck trains in seconds on a CPU
# Qwen2's own split: words with their space, digits one by one, runs of marks.
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def build_tiny(texts: Iterable[str], folder: Path) -> None:
    """Write a Qwen2.5-VL of about half a million random parameters, its tokenizer trained on `texts`, into `folder`.

    It has the real architecture, processor and chat template, so every code path of the 7B model runs; it writes noise.
    """
    tokenizer = train_tokenizer(texts)
    ids = token_ids(tokenizer, SPECIAL)
    torch.manual_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(tiny_config(len(tokenizer), ids))
    model.generation_config = sampling([ids["<|im_end|>"], ids["<|endoftext|>"]], ids["<|endoftext|>"])
    model.save_pretrained(folder)
    chat_processor(tokenizer, TINY_PIXELS).save_pretrained(folder)


def train_tokenizer(texts: Iterable[str]) -> Qwen2Tokenizer:
    """A byte-level BPE in Qwen2's form: no text is unknown to it."""
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.NFC()
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY - len(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    trained = json.loads(bpe.to_str())["model"]
    make: Callable[..., Qwen2Tokenizer] = Qwen2Tokenizer
    return make(
        vocab=trained["vocab"],
        merges=[tuple(pair) for pair in trained["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        extra_special_tokens=list(SPECIAL),
    )


def tiny_config(tokens: int, ids: dict[str, int]) -> Qwen2_5_VLConfig:
    """Two layers each for text and vision; the rotary sections add up to half a head, as the architecture needs."""
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": (tokens + 63) // 64 * 64,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-6,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 6, 6]},
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_heads": 2,
            "out_hidden_size": 128,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [1],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
