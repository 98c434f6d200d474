"""What there is to know of a family of models that can be trained: everything in which it differs. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from resources.training.shape import Shape, Tower

Way = Literal["packed", "alone", "plain"]

FULL_ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")

SAYS: Mapping[Way, str] = {
    "packed": "samples are packed into a pass, and all pairs of a document are one pass",
    "alone": "its linear attention would carry one sample's state into the next, so each sample is a pass, and pairs "
    "are trained one by one by TRL's own trainer, without their weights: slower than where they are packed",
    "plain": "it is trained by TRL's own padded trainers, samples beside each other and pairs one by one, without "
    "their weights: slower than where they are packed",
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """Models of one architecture.

    Layers, norms and what FSDP shares are not among its fields: they are found in the model itself (`language_layers`,
    `fusible` in trainable_model.py; `_no_split_modules`, which accelerate reads).
    """

    model_type: str  # in config.json
    name: str  # for people
    way: Way  # how it is trained, in SAYS
    tokens: tuple[str, ...]  # that its tokenizer has to know
    vision: tuple[str, ...]  # modules of the model that make visual tokens of pixels; frozen together
    matrices: tuple[str, ...]  # of the language model's layers, that adapters stand on
    shape: Callable[[Mapping[str, Any]], Shape]  # from `config.to_dict()`
    language: tuple[str, ...] = ()  # types of the language model inside it that are known here; none: it has its own
    llamafactory: str  # `template` of LLaMA-Factory
    ms_swift: str  # `template` of ms-swift


def with_full_attention(config: Mapping[str, Any], vision: int, tower: Tower, patches: int) -> Shape:
    """Of a model whose language model has full attention in each layer, of heads that may be wider together than the
    hidden states. vision: weights of all that makes visual tokens; patches: of one of these."""
    text = config["text_config"]
    hidden, layers, feed_forward = text["hidden_size"], text["num_hidden_layers"], text["intermediate_size"]
    query = head_width(text) * text["num_attention_heads"]
    key_value = head_width(text) * text["num_key_value_heads"]
    return Shape(
        layers=layers,
        hidden=hidden,
        query=query,
        feed_forward=feed_forward,
        vocabulary=text["vocab_size"],
        tied=bool(config.get("tie_word_embeddings")),
        attention=layers * (2 * hidden * query + 2 * hidden * key_value),
        attending=layers,
        adapted=layers * (2 * (hidden + query) + 2 * (hidden + key_value) + 3 * (hidden + feed_forward)),
        vision=vision,
        tower=tower,
        patches=patches,
    )


def head_width(text: Mapping[str, Any]) -> int:
    """The dimension of a head, which a configuration may state."""
    return int(text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"])
