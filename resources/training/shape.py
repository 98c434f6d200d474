"""The sizes of a student's model, as far as memory and time follow from them. No torch."""

from dataclasses import dataclass

from resources.training.common_hyperparameters import Dtype


@dataclass(frozen=True, kw_only=True)
class Tower:
    """The layers of a vision tower, and its mergers: what brings patches to the language model. gated: its feed-forward
    layers have three matrices, else two. wide: what goes from layer to layer is float32 under autocast too."""

    layers: int
    hidden: int
    feed_forward: int
    gated: bool
    mergers: int = 1
    wide: bool = False

    def values(self, dtype: Dtype, checkpointed: bool) -> int:
        """That it keeps of a patch for its backward pass, what is around its layers among them. Counted in three towers
        of transformers' on a CPU (a test counts again); where kernels are fused it is less."""
        inside, once, merger = (13, 2, 5) if dtype == "float32" else (28, 4, 18)
        matrices = (4 if self.gated else 2) if dtype == "float32" else (6 if self.gated else 4)
        layer = matrices * self.feed_forward + inside * self.hidden
        stream = 2 * self.hidden if self.wide and dtype == "bfloat16" else self.hidden
        around = (once + merger * self.mergers) * self.hidden
        return around + (self.layers * stream + layer if checkpointed else self.layers * layer)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Of the language model, and of what makes visual tokens of pixels."""

    layers: int
    hidden: int
    query: int  # width of queries: heads x their dimension, which need not be `hidden`
    feed_forward: int
    vocabulary: int
    tied: bool
    attention: int  # weights of all layers' attention
    attending: int  # layers in which a token sees all tokens before it; a layer of linear attention has a state instead
    adapted: int  # inputs and outputs, added up, of all matrices that adapters stand on
    vision: int  # weights of the vision tower and of what brings its patches to the language model
    tower: Tower
    patches: int  # of the tower, that make a visual token

    @property
    def linear(self) -> int:
        """Weights of the language model's layers."""
        return self.attention + self.layers * 3 * self.hidden * self.feed_forward

    @property
    def embeddings(self) -> int:
        """Weights of the embeddings and the head, which may be one matrix."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All weights."""
        return self.linear + self.embeddings + self.vision

    def layer_values(self, dtype: Dtype) -> int:
        """That a layer keeps of each token for its backward pass. Measured on Qwen2.5-VL: in bfloat16 on an H100, where
        kernels are fused; else on a CPU. Four of them are queries and what attention makes of them."""
        return (
            3 * self.feed_forward + 8 * self.hidden + 4 * self.query
            if dtype == "bfloat16"
            else 8 * self.feed_forward + 12 * self.hidden + 4 * self.query
        )

    def adapters(self, rank: int) -> int:
        """Weights of LoRA adapters of this rank."""
        return rank * self.adapted

    def text_flops(self, tokens: int) -> float:
        """Of a forward pass, without attention: 2 per weight of the layers and the head."""
        return tokens * 2 * (self.linear + self.vocabulary * self.hidden)

    def attention_flops(self, attended: int) -> float:
        """Of a forward pass: for each pair of a token and one that it sees, a score and a summand, in each layer."""
        return attended * 4 * self.query * self.attending

    def vision_flops(self, vision_tokens: int) -> float:
        """Of a forward pass: 2 per weight of the vision tower and patch."""
        return vision_tokens * self.patches * 2 * self.vision
