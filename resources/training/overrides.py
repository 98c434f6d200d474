"""What a recipe sets of a student's own numbers."""

from dataclasses import replace
from typing import TypeVar

from resources.recipe.model import Training
from resources.training.common_hyperparameters import ADAPTERS_RATE, Hyperparameters

T = TypeVar("T")
H = TypeVar("H", bound=Hyperparameters)


def override(own: T, given: T | None) -> T:
    """What the recipe gives, or the student's own number where it gives none."""
    return own if given is None else given


def steered(own: H, training: Training, rate: float | None, epochs: float | None, steps: int | None) -> H:
    """A student's own numbers with those that the recipe sets of both trainings. rate, epochs, steps: of this one.

    Epochs or steps end it, whichever the recipe names. Adapters have a rate of their own where it names none.
    """
    usual = own.learning_rate * (ADAPTERS_RATE if training.lora_rank else 1)
    return replace(
        own,
        learning_rate=override(usual, rate),
        epochs=override(own.epochs, epochs),
        max_steps=override(own.max_steps if epochs is None else -1, steps),
        lora_rank=training.lora_rank,
        sharding=training.sharding,
        max_tokens=training.max_tokens,
        freeze_vision=override(own.freeze_vision, training.freeze_vision),
        save_steps=override(own.save_steps, training.save_steps),
        scheduler=training.scheduler,
        warmup_share=training.warmup_share,
        seed=training.seed,
        tokens_per_pass=training.tokens_per_pass,
        validation_share=training.validation_share,
        eval_steps=training.eval_steps,
        patience=training.patience,
        vision_rate=training.vision_rate,
        merger_rate=training.merger_rate,
        compile_layers=training.compile_layers,
        optimizer=training.optimizer,
        reports=training.reports,
    )
