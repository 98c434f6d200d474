"""The models that are measured: students from a folder, and Qwen2.5-VL in its real sizes with random weights around a
small tokenizer, for what a run takes does not depend on the values. Stock: with nothing of ours."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import torch
from transformers import AutoModelForImageTextToText, PreTrainedModel, Qwen2_5_VLConfig

from resources.training.common_hyperparameters import Hyperparameters
from resources.training.rows.processor import Processor, Tokenizer
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.students.chat_processor import chat_processor
from resources.training.students.tiny import SPECIAL, VOCABULARY, tiny_config, train_tokenizer
from resources.training.trainable_model import kept_dtype, load_model, prepare_model
from testing.documents import PAGE_PIXELS
from testing.shapes import SHAPES


def processor_for(texts: Iterable[str]) -> Processor:
    """Qwen2.5-VL's processor, its tokenizer trained on `texts`."""
    return cast(Processor, chat_processor(train_tokenizer(texts), PAGE_PIXELS))


def shape_config(name: str, tokenizer: Tokenizer) -> Qwen2_5_VLConfig:
    """One of SHAPES, or `tiny`; control tokens are the tokenizer's."""
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    if name == "tiny":
        return tiny_config(VOCABULARY, ids)
    return Qwen2_5_VLConfig(
        **SHAPES[name],
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )


def cpu_model(base: str | Path, stock: bool) -> PreTrainedModel:
    """In float32, all of it trained."""
    hyperparameters = SftHyperparameters(dtype="float32", freeze_vision=False)
    return (
        AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
        if stock
        else load_model(str(base), hyperparameters)
    )


def random_model(config: Qwen2_5_VLConfig, hyperparameters: Hyperparameters, stock: bool) -> PreTrainedModel:
    """As `load_model` gives it, made where it is computed with. A stock one's tower is frozen too."""
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        make: Callable[..., PreTrainedModel] = AutoModelForImageTextToText.from_config
        model = make(config, dtype=kept_dtype(hyperparameters))
    if stock and hyperparameters.freeze_vision:
        model.get_submodule("model.visual").requires_grad_(False)
    return model if stock else prepare_model(model, hyperparameters)
