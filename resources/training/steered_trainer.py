"""What both trainings take from their hyperparameters that Trainer's arguments cannot say: planned passes, and rates of
the vision tower's own."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler
from transformers import Trainer

from resources.training.balance import Plan
from resources.training.common_hyperparameters import Hyperparameters


class PlannedPasses(Sampler[list[int]]):
    """A batch sampler: the documents of each pass, an epoch in an order of its own."""

    batch_size = None  # accelerate then deals out batches of any size, and asks for even_batches = False

    def __init__(self, plan: Plan, seed: int) -> None:
        self._plan, self._seed, self._epoch = plan, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Trainer before each epoch."""
        self._epoch = epoch

    @property
    def sampler(self) -> "PlannedPasses":
        """Where accelerate looks for `set_epoch`, once it has dealt out the batches to devices."""
        return self

    def __len__(self) -> int:
        return sum(map(len, self._plan.rounds))

    def __iter__(self) -> Iterator[list[int]]:
        yield from map(list, self._plan.passes(self._seed, self._epoch))


def part_rates(hyperparameters: Hyperparameters) -> dict[str, float]:
    """The rates that differ from `learning_rate`: `vision` and `merger`. Pure."""
    vision = hyperparameters.vision_rate
    rates = {"vision": vision, "merger": vision if hyperparameters.merger_rate is None else hyperparameters.merger_rate}
    return {part: rate for part, rate in rates.items() if rate is not None}


def part_of(name: str) -> str:
    """Of a weight, by its name: `vision` | `merger` (what joins the tower to the language model) | `text`. Pure."""
    parts = name.split(".")
    if "multi_modal_projector" in parts or ("visual" in parts and "merger" in name):
        return "merger"
    return "vision" if {"visual", "vision_tower"} & set(parts) else "text"


class SteeredTrainer(Trainer):
    """plan: the passes of an epoch; None: Trainer's own batches, in random order. rates: of parts (`part_rates`)."""

    def __init__(self, *, plan: Plan | None = None, rates: Mapping[str, float] | None = None, **more: Any) -> None:
        self.plan, self.rates = plan, rates or {}
        super().__init__(**more)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Trainer's, with the planned passes."""
        if self.plan is None:
            return super().get_train_dataloader()
        args = self.args
        loader: DataLoader[Any] = DataLoader(
            self._remove_unused_columns(self.train_dataset, description="training"),
            batch_sampler=PlannedPasses(self.plan, args.seed),
            collate_fn=self.data_collator,
            num_workers=args.dataloader_num_workers,
            pin_memory=args.dataloader_pin_memory,
            persistent_workers=args.dataloader_persistent_workers,
            prefetch_factor=args.dataloader_prefetch_factor,
        )
        # Passes differ in size, and each device has as many of them; any other loader is still filled up by accelerate.
        filled, self.accelerator.even_batches = self.accelerator.even_batches, False
        try:
            prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        finally:
            self.accelerator.even_batches = filled
        return prepared

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Trainer's, each of its groups cut by part where parts have rates of their own."""
        optimizer = super().create_optimizer(model)
        if self.rates:
            trained: torch.nn.Module | None = self.model if model is None else model
            assert trained is not None, "Trainer has a model when it makes its optimizer"
            parts = {id(weight): part_of(name) for name, weight in trained.named_parameters()}
            optimizer.param_groups = [
                {
                    **group,
                    "params": [weight for weight in group["params"] if parts[id(weight)] == part],
                    "lr": self.rates.get(part, group["lr"]),
                }
                for group in optimizer.param_groups
                for part in ("text", "vision", "merger")
            ]
        return optimizer
