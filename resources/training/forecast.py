"""What a run will take, before it starts: memory of each device, and time where its speed is known. No torch."""

from dataclasses import dataclass, replace

from resources.training.common_hyperparameters import Hyperparameters, Optimizer
from resources.training.shape import Shape

GIB = 2**30
PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "A800": 312e12}  # bf16, dense, by a part of the name
MFU = 0.4  # assumed; published for Qwen2.5-VL-7B: 0.30 to 0.45
MOMENTS: dict[Optimizer, int] = {"adamw": 8, "adamw_8bit": 2}  # bytes of a weight
HEAD = 64  # dimensions at least, of an attention head, whose sums are kept in float32
SAFE = 0.9  # of the free memory: what is given out in pieces is never used whole


class DoesNotFitError(ValueError):
    """The run needs more memory than there is; the sentence says how much, for what, and what helps."""


def causal(tokens: int) -> int:
    """Pairs of a token and one that it sees, in a text of so many."""
    return tokens * (tokens + 1) // 2


@dataclass(frozen=True)
class Load:
    """What is trained on."""

    longest: int  # tokens of the largest forward pass of one device
    tokens: int  # of all passes of one epoch, on all devices
    attended: int  # pairs of a token and one that it sees, of these
    vision_tokens: int  # of these
    epochs: float
    longest_vision: int = 0  # visual tokens of the pass that has most
    reference_passes: float = 0  # forward passes of a reference model per trained pass
    copies: int = 1  # of the model: 2 with a reference beside it


@dataclass(frozen=True)
class Forecast:
    """Bytes on each device, by what they are for; FLOPs of the whole run, without recomputed ones."""

    memory: dict[str, float]
    flops: float

    @property
    def needed(self) -> float:
        """Bytes in all."""
        return sum(self.memory.values())

    def hours(self, device: str, devices: int) -> float | None:
        """At MFU on `devices` of this name; None where its peak is not known."""
        peak = next((flops for name, flops in PEAK_FLOPS.items() if name in device), None)
        return None if peak is None else self.flops / (peak * MFU * devices) / 3600

    def require(self, available: float) -> None:
        """Raise DoesNotFitError where a device has less."""
        if self.needed > available:
            parts = ", ".join(f"{name} {size / GIB:.1f}" for name, size in self.memory.items() if size > 0.05 * GIB)
            raise DoesNotFitError(
                f"This run needs about {self.needed / GIB:.1f} GiB on each device ({parts}), and {available / GIB:.1f} "
                "are free. What helps, in [training] of the recipe (LWV_RECIPE): lora_rank = 16 (adapters instead of "
                'all weights), freeze_vision = true, a smaller max_tokens, reference = "stored"; or more devices, '
                "which share the weights."
            )


def forecast(shape: Shape, hyperparameters: Hyperparameters, load: Load, devices: int) -> Forecast:
    """docs/training.md: weights, gradients, AdamW's moments, activations, the head. devices: that share the weights."""
    adapters = shape.adapters(hyperparameters.lora_rank)
    computed = 2 if hyperparameters.dtype == "bfloat16" else 4
    kept = computed if adapters else 4
    trained = adapters or shape.parameters - (shape.vision if hyperparameters.freeze_vision else 0)
    size = load.longest
    # With checkpointing each layer keeps its input, and what its attention made where that can be; one is computed
    # again. Else each keeps all.
    values = (
        shape.hidden * shape.layers
        + kept_attention(shape, hyperparameters) * shape.attending
        + 6 * shape.feed_forward
        + 8 * shape.hidden
        if hyperparameters.gradient_checkpointing
        else shape.layers * shape.layer_values(hyperparameters.dtype)
    )
    memory = {
        "weights": (load.copies * shape.parameters * kept + adapters * 4) / devices,
        "gradients and optimiser": trained * (4 + MOMENTS[hyperparameters.optimizer]) / devices,
        # FSDP2 shares gradients at an update's last pass; until then each device adds up its own, of all weights.
        "gradients not shared yet": trained * 4 if devices > 1 and hyperparameters.sharding == "fsdp2" else 0,
        "activations": size * values * computed,
        "vision tower's activations": 0
        if hyperparameters.freeze_vision
        else load.longest_vision
        * shape.patches
        * shape.tower.values(hyperparameters.dtype, hyperparameters.gradient_checkpointing)
        * computed,
        "head": min(size, 4096) * min(shape.vocabulary, 32_768) * computed
        + size * shape.hidden * 4
        + (0 if adapters else shape.vocabulary * shape.hidden * 4),
    }
    return Forecast(memory, load.epochs * epoch_flops(shape, hyperparameters, load))


def kept_attention(shape: Shape, hyperparameters: Hyperparameters) -> int:
    """Values of a token that a checkpointed layer keeps of its attention: the output, and a float32 of each head."""
    return shape.query + 2 * shape.query // HEAD if hyperparameters.keeps_attention else 0


def kept_layers(shape: Shape, hyperparameters: Hyperparameters, load: Load, available: float, tokens: int) -> int:
    """Layers that a pass of so many tokens need not compute again on its way back: as many as fit into the memory which
    checkpointing of all layers would leave free. For a device that shares the weights with none."""
    spare = SAFE * available - forecast(shape, hyperparameters, replace(load, longest=tokens), 1).needed
    values = shape.layer_values(hyperparameters.dtype) - kept_attention(shape, hyperparameters)
    layer = tokens * values * (2 if hyperparameters.dtype == "bfloat16" else 4)
    return max(0, min(shape.layers, int(spare // layer)))


def epoch_flops(shape: Shape, hyperparameters: Hyperparameters, load: Load) -> float:
    """Weights that are trained take 3 times their forward pass: it, and the gradients of inputs and of weights. Under
    adapters layers take 2 times, without those of weights; a vision tower that is not trained takes 1."""
    adapters = bool(hyperparameters.lora_rank)
    text, attention = shape.text_flops(load.tokens), shape.attention_flops(load.attended)
    vision = shape.vision_flops(load.vision_tokens)
    seen = 1 if adapters or hyperparameters.freeze_vision else 3
    return (
        (2 if adapters else 3) * text
        + 3 * attention
        + seen * vision
        + load.reference_passes * (text + attention + vision)
    )
