"""A Qwen2.5-VL as it is trained: its weights' precision, what is frozen, adapters, and the kernels it computes with."""

from collections.abc import Callable
from types import MethodType
from typing import TypeVar

import torch
from peft import LoraConfig
from transformers import AutoModelForImageTextToText, PreTrainedModel
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLRMSNorm, Qwen2MLP

from resources.training.common_hyperparameters import Hyperparameters
from resources.training.forecast import LAYER_MATRICES
from resources.training.packed_attention import WINDOWS

Model = TypeVar("Model", bound=PreTrainedModel)
LORA_TARGETS = rf".*language_model.*\.({'|'.join(LAYER_MATRICES)})$"  # the vision tower is left alone


def load_model(path: str, hyperparameters: Hyperparameters) -> PreTrainedModel:
    """The model at `path`, ready to train."""
    return prepare_model(
        AutoModelForImageTextToText.from_pretrained(path, dtype=kept_dtype(hyperparameters)), hyperparameters
    )


def kept_dtype(hyperparameters: Hyperparameters) -> torch.dtype:
    """Of the weights. Those that are trained are kept in float32 and computed with in `dtype`: an update of
    1e-5 is lost in bfloat16."""
    return torch.bfloat16 if hyperparameters.lora_rank and hyperparameters.dtype == "bfloat16" else torch.float32


def prepare_model(model: Model, hyperparameters: Hyperparameters) -> Model:
    """The model itself, changed in place."""
    vision = model.get_submodule("model.visual")
    model.set_attn_implementation({"vision_config": WINDOWS})
    if hyperparameters.freeze_vision:
        vision.requires_grad_(False)
        # With checkpointing transformers asks for gradients at the tower's input too, and the way back would lead
        # through all of it for nothing.
        vision.forward = torch.no_grad()(vision.forward)
    if torch.cuda.is_available():
        fuse(model.get_submodule("model"))
    return model


def fuse(model: torch.nn.Module) -> None:
    """Norms, and the middle of each feed-forward layer, in one kernel each. Of Liger's functions; its own patch of
    Qwen2.5-VL does not import beside this transformers."""
    from liger_kernel.transformers.functional import liger_rms_norm, liger_swiglu

    def norm(module: Qwen2_5_VLRMSNorm, states: torch.Tensor) -> torch.Tensor:
        normed: torch.Tensor = liger_rms_norm(states, module.weight, module.variance_epsilon)
        return normed

    def feed_forward(module: Qwen2MLP, states: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = module.down_proj(liger_swiglu(module.gate_proj(states), module.up_proj(states)))
        return output

    forwards: dict[type, Callable[..., torch.Tensor]] = {Qwen2_5_VLRMSNorm: norm, Qwen2MLP: feed_forward}
    for module in model.modules():
        if type(module) in forwards:
            module.forward = MethodType(forwards[type(module)], module)


def adapters(hyperparameters: Hyperparameters) -> LoraConfig | None:
    """Of the language model's matrices; None: all weights are trained."""
    rank = hyperparameters.lora_rank
    return LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=LORA_TARGETS) if rank else None
