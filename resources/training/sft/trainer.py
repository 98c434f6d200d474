"""TRL's SFTTrainer, each token of an update counting the same however samples are spread over passes."""

from typing import Any

from transformers import PreTrainedModel
from trl.trainer.sft_trainer import SFTTrainer

from resources.training.kept_attention import keep_attention
from resources.training.packed_attention import attend_to_own_sample
from resources.training.packed_trainer import PackedTrainer
from resources.training.students.families.registry import family_of


class TokenMeanSFTTrainer(PackedTrainer, SFTTrainer):
    """The loss of an update is the sum over its answers' tokens divided by their number (docs/method.md 6.1), over all
    accumulated passes and devices.

    Qwen's models say of themselves that they take no loss arguments, and Trainer then takes the mean of the passes'
    means: a token of a short sample would count more than one of a long sample.
    """

    def __init__(self, *, model: PreTrainedModel, **more: Any) -> None:
        """model: its attention is changed in place where its samples are packed. more: SFTTrainer's arguments."""
        if family_of(model.config.to_dict()).way == "packed":
            attend_to_own_sample(model)
        keep_attention(model)
        super().__init__(model=model, **more)
        self.model_accepts_loss_kwargs = True
