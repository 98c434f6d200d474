"""The sizes of a student's model, as far as memory and time follow from them. No torch."""

from dataclasses import dataclass

from resources.training.common_hyperparameters import Dtype


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
