"""A student as it is trained: its weights' precision, what is frozen, adapters, and the kernels it computes with."""

import inspect
from collections.abc import Callable, Collection, Iterable
from types import MethodType
from typing import NamedTuple, TypeVar

import torch
from peft import LoraConfig
from transformers import AutoModelForImageTextToText, PreTrainedModel
from transformers.activations import SiLUActivation
from transformers.modeling_layers import GradientCheckpointingLayer

from resources.training.common_hyperparameters import Hyperparameters
from resources.training.packed_attention import WINDOWS
from resources.training.students.families.registry import FAMILIES, family_of

Model = TypeVar("Model", bound=PreTrainedModel)
Kernel = Callable[..., torch.Tensor]
MATRICES = dict.fromkeys(name for family in FAMILIES for name in family.matrices)
LORA_TARGETS = rf".*language_model.*\.({'|'.join(MATRICES)})$"  # the vision tower is left alone


class MissingWeightsError(ValueError):
    """A model's folder that lacks weights."""


def load_model(path: str, hyperparameters: Hyperparameters) -> PreTrainedModel:
    """The model at `path`, ready to train. Raises MissingWeightsError."""
    load: Callable[..., tuple[PreTrainedModel, dict[str, Collection[str]]]] = (
        AutoModelForImageTextToText.from_pretrained  # type: ignore[assignment]  # so with output_loading_info
    )
    model, found = load(path, dtype=kept_dtype(hyperparameters), output_loading_info=True)
    if missing := sorted(found["missing_keys"]):
        raise MissingWeightsError(
            f"{path} has no weights for {len(missing)} tensors of its model ({', '.join(missing[:3])} …), which would "
            "be drawn at random: download the model again, or name another."
        )
    return prepare_model(model, hyperparameters)


def kept_dtype(hyperparameters: Hyperparameters) -> torch.dtype:
    """Of the weights. Those that are trained are kept in float32 and computed with in `dtype`: an update of
    1e-5 is lost in bfloat16."""
    return torch.bfloat16 if hyperparameters.lora_rank and hyperparameters.dtype == "bfloat16" else torch.float32


def prepare_model(model: Model, hyperparameters: Hyperparameters) -> Model:
    """The model itself, changed in place."""
    family = family_of(model.config.to_dict())
    if family.way == "packed":
        model.set_attn_implementation({"vision_config": WINDOWS})
    if hyperparameters.freeze_vision:
        for name in family.vision:
            vision = model.get_submodule(name)
            vision.requires_grad_(False)
            # With checkpointing transformers asks for gradients at the tower's input too, and the way back would lead
            # through all of it for nothing.
            vision.forward = torch.no_grad()(vision.forward)
    if hyperparameters.dtype == "bfloat16" and kept_dtype(hyperparameters) == torch.float32:
        model.get_input_embeddings().register_forward_hook(in_bfloat16)
    if torch.cuda.is_available() and not hyperparameters.compile_layers:  # a compiler fuses them itself
        from liger_kernel.transformers.functional import liger_rms_norm, liger_swiglu

        fuse(model.get_submodule("model"), liger_rms_norm, liger_swiglu)
    return model


def in_bfloat16(module: torch.nn.Module, inputs: object, states: torch.Tensor) -> torch.Tensor:
    """What goes from layer to layer, of weights that are kept in float32: autocast would leave it in float32."""
    return states.to(torch.bfloat16)


def compile_layers(layers: Iterable[torch.nn.Module]) -> None:
    """In place, with their checkpointing, for passes of any length."""
    for layer in layers:
        layer.forward = torch.compile(layer.forward, dynamic=True)


def language_layers(model: torch.nn.Module) -> list[GradientCheckpointingLayer]:
    """The layers of the language model, wrapped for adapters or not."""
    lists = [module for name, module in model.named_modules() if name.endswith("language_model.layers")]
    if len(lists) != 1:
        raise ValueError(f"The model has {len(lists)} lists of language layers, where it should have one.")
    return [layer for layer in lists[0].children() if isinstance(layer, GradientCheckpointingLayer)]


class Fusible(NamedTuple):
    """Modules that a kernel can compute in one go."""

    norms: list[torch.nn.Module]  # states x weight / root of the mean square, those of queries and keys among them
    feed_forwards: list[torch.nn.Module]  # down(silu(gate) x up)


def fusible(model: torch.nn.Module) -> Fusible:
    """By what the modules are made of, not by their class: each family has its own. A norm that takes more than states
    (Qwen3.5's has a gate), or whose weight is meant as a distance from 1 (it has no `variance_epsilon`), is none."""
    norms, feed_forwards = [], []
    for module in model.modules():
        if hasattr(module, "variance_epsilon") and len(inspect.signature(type(module).forward).parameters) == 2:
            norms.append(module)
        elif isinstance(getattr(module, "act_fn", None), (torch.nn.SiLU, SiLUActivation)) and all(
            hasattr(module, name) for name in ("gate_proj", "up_proj", "down_proj")
        ):
            feed_forwards.append(module)
    return Fusible(norms, feed_forwards)


def fuse(model: torch.nn.Module, rms_norm: Kernel, swiglu: Kernel) -> None:
    """Norms, and the middle of each feed-forward layer, in one kernel each: rms_norm(states, weight, epsilon),
    swiglu(gate, up). Liger's own patches of models do not all import beside this transformers."""

    def norm(module: torch.nn.Module, states: torch.Tensor) -> torch.Tensor:
        return rms_norm(states, module.weight, module.variance_epsilon)

    def feed_forward(module: torch.nn.Module, states: torch.Tensor) -> torch.Tensor:
        inside = swiglu(module.get_submodule("gate_proj")(states), module.get_submodule("up_proj")(states))
        output: torch.Tensor = module.get_submodule("down_proj")(inside)
        return output

    found = fusible(model)
    for module in found.norms:
        module.forward = MethodType(norm, module)
    for module in found.feed_forwards:
        module.forward = MethodType(feed_forward, module)


def adapters(hyperparameters: Hyperparameters) -> LoraConfig | None:
    """Of the language model's matrices; None: all weights are trained."""
    rank = hyperparameters.lora_rank
    return LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=LORA_TARGETS) if rank else None
