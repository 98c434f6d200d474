"""TRL's DPOTrainer on packed documents: one forward pass for all pairs of a document, the same loss as pair by pair."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from accelerate.utils import gather_object
from datasets import Dataset
from transformers import PreTrainedModel
from trl.models.utils import disable_gradient_checkpointing, prepare_deepspeed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.utils import use_adapter

from resources.training.dpo.documents import DocumentCollator
from resources.training.dpo.tree_attention import prepare, tree_input
from resources.training.dpo.tree_check import require_equal, sides_alone, smallest, tokens_alone
from resources.training.packed_trainer import PackedTrainer

PREFERENCE = ("sigmoid", "sigmoid_norm")  # of TRL's losses, those that packed documents know; then "sft" or not
_EXTRA = ("ends", "weights", "side", "place", "ld_weights", "reference")  # what the model does not take


class ReferenceSums(TypedDict):
    """The reference's log-probabilities of one pair."""

    id: str  # the row's
    chosen: float
    rejected: float


def side_sums(log_probs: torch.Tensor, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """[2K] the log-probability of each side, from those of the packed tokens [1, N - 1] (the first has none)."""
    values = log_probs[0, inputs["place"] - 1] * inputs["ld_weights"]
    return values.new_zeros(2 * len(inputs["weights"])).index_add(0, inputs["side"], values)


def share(count: int, rank: int, ranks: int) -> list[int]:
    """The documents of one rank, as many as of each other: where weights are shared, no rank can pass alone. The last
    document fills up."""
    return [min(number, count - 1) for number in range(rank, rank + math.ceil(count / ranks) * ranks, ranks)]


class PairDPOTrainer(PackedTrainer, DPOTrainer):
    """TRL's, pair by pair, steered as the other trainers are."""


class DocumentDPOTrainer(PackedTrainer, DPOTrainer):
    """Trains on `documents.plan_documents`' passes through `documents.DocumentCollator`; the rest is TRL's.

    The loss of an update is the mean over its pairs, each with its weight: sum(weight * loss) / sum(weight), over all
    accumulated passes and devices. Loss types: one of PREFERENCE, then `sft` or not: that is the token mean of a pair's
    chosen side.
    """

    loss_is_scaled_for_ga = True
    model: PreTrainedModel
    ref_model: PreTrainedModel | None
    data_collator: DocumentCollator

    def __init__(self, *, args: DPOConfig, reference_file: Path | None = None, **more: Any) -> None:
        """reference_file: where the reference's sums are kept with args.precompute_ref_log_probs (parquet, by row)."""
        losses = args.loss_type
        if losses[0] not in PREFERENCE or losses[1:] not in ([], ["sft"]) or args.use_weighting:
            raise ValueError(f"Packed documents are trained with {' or '.join(PREFERENCE)}, and sft after it or not.")
        self.reference_file, self.tree_checked = reference_file, False
        super().__init__(args=args, **more)

    def _prepare_dataset(self, dataset: Dataset, *_: object) -> Dataset:
        return dataset  # the collator tokenizes

    def _set_signature_columns_if_needed(self) -> None:
        columns = ["document", "rows", "ref_chosen_logps", "ref_rejected_logps"]
        self._signature_columns = columns  # type: ignore[assignment]  # Trainer's own says None, and sets a list

    def _precompute_ref_logps(self, dataset: Dataset, *_: object) -> Dataset:
        """The documents with the reference's sums per pair, read from `reference_file` where they are there already."""
        if self.reference_file is None:
            raise ValueError("precompute_ref_log_probs needs a reference_file")
        known = self._known_reference(self.reference_file)
        ids = [[self.data_collator.rows[number]["id"] for number in numbers] for numbers in dataset["rows"]]
        missing = [number for number, some in enumerate(ids) if not known.keys() >= set(some)]
        if missing:
            self._store_reference(
                dataset.select(missing, keep_in_memory=True), list(known.values()), self.reference_file
            )
            known = self._known_reference(self.reference_file)
        for side in ("chosen", "rejected"):
            dataset = dataset.add_column(f"ref_{side}_logps", [[known[name][side] for name in some] for some in ids])
        return dataset

    @staticmethod
    def _known_reference(path: Path) -> dict[str, ReferenceSums]:
        return {row["id"]: row for row in pq.read_table(path).to_pylist()} if path.exists() else {}

    def _store_reference(self, dataset: Dataset, known: list[ReferenceSums], path: Path) -> None:
        """One forward pass per document without gradients, each rank its share, doubles left out; one rename. known:
        what is stored already."""
        model = self.ref_model or self.model
        if self.ref_model is None and self.is_deepspeed_enabled:
            model = prepare_deepspeed(self.model, self.accelerator)
        self._check_tree(model, dataset)
        rank, ranks = self.accelerator.process_index, self.accelerator.num_processes
        rows: list[ReferenceSums] = []
        for number in share(len(dataset), rank, ranks):
            document = dataset[number]
            inputs = self._prepare_inputs(self.data_collator([document]))
            with torch.no_grad(), self.accelerator.autocast():
                chosen, rejected = torch.split(self._sides(model, inputs)[0], len(document["rows"]))
            rows += [
                {"id": self.data_collator.rows[row]["id"], "chosen": better, "rejected": worse}
                for row, better, worse in zip(document["rows"], chosen.tolist(), rejected.tolist(), strict=True)
            ]
        rows = gather_object(rows) if ranks > 1 else rows
        if self.accelerator.is_main_process:
            work = path.with_name(f".writing-{path.name}")
            pq.write_table(pa.Table.from_pylist(list({row["id"]: row for row in [*known, *rows]}.values())), work)
            work.rename(path)
        self.accelerator.wait_for_everyone()

    def _get_num_items_in_batch(
        self, batch_samples: list[dict[str, torch.Tensor]], device: torch.device
    ) -> torch.Tensor:
        """The weight of all pairs of an update, on all devices."""
        total = torch.stack([batch["weights"].sum() for batch in batch_samples]).sum().to(device)
        return self.accelerator.gather(total).sum() if self.args.world_size > 1 else total

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """The weighted sum of the pairs' losses over the weight of all pairs of the update (None: of this pass).

        inputs: what DocumentCollator returns.
        """
        sums, log_probs = self._sides(model, inputs)
        reference = inputs["reference"] if "reference" in inputs else self._reference(inputs)
        losses, preference = self._pair_losses(sums, reference, log_probs, inputs)
        weights = inputs["weights"]
        self._record(sums.detach(), reference, preference.detach(), inputs)
        total = weights.sum() if num_items_in_batch is None else num_items_in_batch
        # DDP averages gradients over devices, and `total` counts the pairs of all of them.
        scale = self.accelerator.num_processes if num_items_in_batch is not None else 1
        return (weights * losses).sum() / total * scale

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """PackedTrainer's; before the first, the tree is checked."""
        self._check_tree(model, self.train_dataset)
        return super().training_step(model, inputs, num_items_in_batch)

    def _check_tree(self, model: torch.nn.Module, dataset: Dataset) -> None:
        """Once: raises TreeError where a document's pairs in one pass are not what they are alone. Every rank passes
        the same document, for they may share the weights."""
        if self.tree_checked:
            return
        self.tree_checked = True
        document, training = dataset[smallest(dataset["tokens"], dataset["pair_tokens"])], model.training
        inputs = self._prepare_inputs(self.data_collator([document]))
        sides = [self._prepare_inputs(side) for side in sides_alone(document, self.data_collator)]
        model.eval()
        with torch.no_grad(), self.accelerator.autocast():
            packed = self._sides(model, inputs)[1][0, inputs["place"] - 1]
            inner = self.accelerator.unwrap_model(model)
            alone, as_trees = (tokens_alone(model, inner, sides, as_tree) for as_tree in (False, True))
        model.train(training)
        require_equal(packed, alone, as_trees, self.args.bf16)

    def _sides(self, model: torch.nn.Module, inputs: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        kwargs = {name: value for name, value in inputs.items() if name not in _EXTRA}
        tree = tree_input(inputs["ends"], prepare(self.accelerator.unwrap_model(model), inputs["ends"].is_cuda))
        outputs = model(**kwargs, **tree, use_cache=False, fused_lm_head=True)
        return side_sums(outputs.log_probs, inputs), outputs.log_probs

    def _reference(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """[2K] from the frozen copy, or from the policy without its adapter: once for all pairs of a document."""
        given = self.args.gradient_checkpointing_kwargs  # Trainer's own has parsed it, where it was a string
        checkpointing = given if isinstance(given, dict) else None
        with torch.no_grad(), disable_gradient_checkpointing(self.model, checkpointing):
            if self.ref_model is not None:
                return self._sides(self.ref_model, inputs)[0]
            policy = self.accelerator.unwrap_model(self.model)
            with use_adapter(policy, adapter_name="ref" if "ref" in policy.peft_config else None):
                return self._sides(self.model, inputs)[0]

    def _pair_losses(
        self,
        sums: torch.Tensor,
        reference: torch.Tensor,
        log_probs: torch.Tensor,
        inputs: Mapping[str, torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """[K] the whole loss of each pair, and its preference term alone."""
        pairs = len(inputs["weights"])
        lengths = torch.bincount(inputs["side"], minlength=2 * pairs)
        ratios = sums - reference
        means = ratios / lengths
        terms = {
            "sigmoid": lambda: -F.logsigmoid(self.beta * (ratios[:pairs] - ratios[pairs:])),
            "sigmoid_norm": lambda: -F.logsigmoid(self.beta * (means[:pairs] - means[pairs:])),
            "sft": lambda: (
                -side_sums(log_probs, {**inputs, "ld_weights": torch.ones_like(inputs["ld_weights"])})[:pairs]
                / lengths[:pairs]
            ),
        }
        found = torch.stack([terms[name]() for name in self.loss_types])
        return (found.new_tensor(self.loss_weights)[:, None] * found).sum(0), found[0]

    def _record(
        self,
        sums: torch.Tensor,
        reference: torch.Tensor,
        preference: torch.Tensor,
        inputs: Mapping[str, torch.Tensor],
    ) -> None:
        """TRL's metrics, as means over pairs; and how far from ln 2 a pair's preference loss is at most, over the
        passes of the step and all devices."""
        pairs = len(preference)
        chosen, rejected = torch.split(self.beta * (sums - reference), pairs)
        metrics = {
            "rewards/chosen": chosen,
            "rewards/rejected": rejected,
            "rewards/margins": chosen - rejected,
            "rewards/accuracies": (chosen > rejected).float(),
            "logps/chosen": sums[:pairs],
            "logps/rejected": sums[pairs:],
            "loss/preference": preference,
        }
        found = self._metrics["train" if self.model.training else "eval"]
        for name, value in metrics.items():
            found[name].append(self.accelerator.gather(value.mean()).mean().item())
        furthest = self.accelerator.gather((preference - math.log(2)).abs().max()).max().item()
        found["loss/from_ln_2"] = [max([furthest, *found["loss/from_ln_2"]])]  # `log` takes the mean of a list
