"""TRL's DPOTrainer on packed documents: one forward pass for all pairs of a document, the same loss as pair by pair."""

from typing import Any

import torch
import torch.nn.functional as F
from trl import DPOConfig, DPOTrainer
from trl.models.utils import disable_gradient_checkpointing
from trl.trainer.utils import use_adapter

PREFERENCE = ("sigmoid", "sigmoid_norm")        # of TRL's losses, those that packed documents know; then "sft" or not
_EXTRA = ("ends", "weights", "side", "place", "count", "reference")     # what the model does not take


def tree_mask(ends: torch.Tensor, implementation: str) -> Any:
    """The attention mask of a prefix tree (`tree.Tree.ends`, [N]), in the form that the implementation takes.

    flex_attention: a BlockMask, which skips what no token sees; anything else: [1, 1, N, N] bool.
    """
    if implementation == "flex_attention":
        from torch.nn.attention.flex_attention import create_block_mask

        def sees(batch: Any, head: Any, q: Any, k: Any) -> Any:
            return (k <= q) & (q < ends[k])

        size = len(ends)
        mask_size: Any = None
        return {"full_attention": create_block_mask(sees, mask_size, mask_size, size, size, device=ends.device)}
    index = torch.arange(len(ends), device=ends.device)
    return ((index[None, :] <= index[:, None]) & (index[:, None] < ends[None, :]))[None, None]


def side_sums(log_probs: torch.Tensor, inputs: dict[str, Any]) -> torch.Tensor:
    """[2K] the log-probability of each side, from those of the packed tokens [1, N - 1] (the first has none)."""
    values = log_probs[0, inputs["place"] - 1] * inputs["count"]
    return values.new_zeros(2 * len(inputs["weights"])).index_add(0, inputs["side"], values)


class DocumentDPOTrainer(DPOTrainer):
    """Trains on `packing.plan_documents`' documents through `packing.DocumentCollator`; the rest is TRL's.

    The loss of an update is the mean over its pairs, each with its weight: sum(weight * loss) / sum(weight), over all
    accumulated passes and devices. Loss types: one of PREFERENCE, then `sft` or not: that is the token mean of a pair's chosen side.
    """

    loss_is_scaled_for_ga = True

    def __init__(self, *, args: DPOConfig, **more: Any) -> None:
        if args.loss_type not in ([loss] + more_losses for loss in PREFERENCE for more_losses in ([], ["sft"])) \
                or args.use_weighting or args.label_smoothing or args.f_divergence_type != "reverse_kl":
            raise ValueError(f"Packed documents are trained with {' or '.join(PREFERENCE)}, and sft after it or not.")
        super().__init__(args=args, **more)

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset                  # the collator tokenizes

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["rows", "ref_chosen_logps", "ref_rejected_logps"]

    def _get_num_items_in_batch(self, batch_samples: list[dict[str, Any]], device: torch.device) -> torch.Tensor:
        """The weight of all pairs of an update, on all devices."""
        total = torch.stack([batch["weights"].sum() for batch in batch_samples]).sum().to(device)
        return self.accelerator.gather(total).sum() if self.args.world_size > 1 else total

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: torch.Tensor | None = None) -> torch.Tensor:
        sums, log_probs = self._sides(model, inputs)
        reference = inputs["reference"] if "reference" in inputs else self._reference(inputs)
        losses, preference = self._pair_losses(sums, reference, log_probs, inputs)
        weights = inputs["weights"]
        self._record(sums.detach(), reference, preference.detach(), inputs)
        total = weights.sum() if num_items_in_batch is None else num_items_in_batch
        # DDP averages gradients over devices, and `total` counts the pairs of all of them.
        scale = self.accelerator.num_processes if num_items_in_batch is not None else 1
        return (weights * losses).sum() / total * scale

    def _sides(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        kwargs = {name: value for name, value in inputs.items() if name not in _EXTRA}
        implementation = self.model.config.get_text_config()._attn_implementation
        outputs = model(**kwargs, attention_mask=tree_mask(inputs["ends"], implementation), use_cache=False,
                        fused_lm_head=True)
        return side_sums(outputs.log_probs, inputs), outputs.log_probs

    def _reference(self, inputs: dict[str, Any]) -> torch.Tensor:
        """[2K] from the frozen copy, or from the policy without its adapter: once for all pairs of a document."""
        with torch.no_grad(), disable_gradient_checkpointing(self.model, self.args.gradient_checkpointing_kwargs):
            if self.ref_model is not None:
                return self._sides(self.ref_model, inputs)[0]
            policy = self.accelerator.unwrap_model(self.model)
            with use_adapter(policy, adapter_name="ref" if "ref" in policy.peft_config else None):
                return self._sides(self.model, inputs)[0]

    def _pair_losses(self, sums: torch.Tensor, reference: torch.Tensor, log_probs: torch.Tensor,
                     inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """[K] the whole loss of each pair, and its preference term alone."""
        pairs = len(inputs["weights"])
        lengths = torch.bincount(inputs["side"], minlength=2 * pairs)
        ratios = sums - reference
        terms = {
            "sigmoid": lambda: -F.logsigmoid(self.beta * (ratios[:pairs] - ratios[pairs:])),
            "sigmoid_norm": lambda: -F.logsigmoid(self.beta * ((ratios / lengths)[:pairs] - (ratios / lengths)[pairs:])),
            "sft": lambda: -side_sums(log_probs, {**inputs, "count": torch.ones_like(inputs["count"])})[:pairs]
            / lengths[:pairs],
        }
        found = [terms[name]() for name in self.loss_types]
        return sum(weight * term for weight, term in zip(self.loss_weights, found, strict=True)), found[0]

    def _record(self, sums: torch.Tensor, reference: torch.Tensor, preference: torch.Tensor,
                inputs: dict[str, Any]) -> None:
        """TRL's metrics, as means over pairs; and how far the pairs' preference losses are from ln 2 at most."""
        pairs = len(preference)
        chosen, rejected = (self.beta * (sums - reference)).split(pairs)
        metrics = {
            "rewards/chosen": chosen, "rewards/rejected": rejected, "rewards/margins": chosen - rejected,
            "rewards/accuracies": (chosen > rejected).float(), "logps/chosen": sums[:pairs],
            "logps/rejected": sums[pairs:], "loss/preference": preference,
            "loss/from_ln_2": (preference - torch.log(torch.tensor(2.0))).abs().max()[None]}
        mode = "train" if self.model.training else "eval"
        for name, value in metrics.items():
            self._metrics[mode][name].append(self.accelerator.gather(value.mean()).mean().item())
