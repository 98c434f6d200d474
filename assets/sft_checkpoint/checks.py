"""The rules that an SFT checkpoint must keep before it is trained further or scored."""

import math
from pathlib import Path

from assets.quality.outcome import Outcome, Rule, WholeRules
from resources.store import Store
from resources.training.checkpoint import current_checkpoint, faults, read_training, unsound_tensors
from resources.training.training_record import TrainingRecord

TOLERANCE = {"float32": 1e-3, "bfloat16": 0.02}  # nats a token, by what was computed in
SHARED_RULES = (
    Rule("loss_finite", "Every logged loss is a finite number."),
    Rule("files_whole", "The checkpoint has its weights in full length, configuration, tokenizer and training record."),
    Rule("weights_sound", "No weight is NaN or infinite."),
    Rule(
        "saved_as_trained",
        "Loaded as it is served, the checkpoint gives the losses that training ended with, within 0.001 a token in "
        "float32 and 0.02 in bfloat16.",
    ),
    Rule("loads_and_writes", "Loaded from disk again after training, the checkpoint wrote some tokens."),
)
RULES = (
    *SHARED_RULES,
    Rule("loss_falls", "The mean loss of the last quarter of the steps is below that of the first.", blocking=False),
)


def finite_losses(losses: list[float]) -> Outcome:
    """losses: by step, 1-based in what is said of them. None at all is a violation too."""
    bad = [step for step, loss in enumerate(losses, 1) if not math.isfinite(loss)]
    return Outcome(
        "loss_finite",
        bool(losses) and not bad,
        {"steps": len(losses), "bad": len(bad)},
        f"steps {bad[:10]} have no finite loss" if bad else "" if losses else "no step was trained",
    )


def falling_loss(losses: list[float]) -> Outcome:
    """losses: by step. One step alone does not fall."""
    quarter = max(1, len(losses) // 4)
    first, last = sum(losses[:quarter]) / quarter, sum(losses[-quarter:]) / quarter
    falls = len(losses) > 1 and last < first
    says = "" if falls else f"the loss went from {first:.4g} to {last:.4g} in {len(losses)} steps"
    return Outcome("loss_falls", falls, {"first": first, "last": last}, says)


def alike_losses(training: TrainingRecord) -> Outcome:
    """A checkpoint from before these were recorded is left as it is."""
    ended, saved = training.get("ended", []), training.get("saved", [])
    most = TOLERANCE[str(training.get("recipe", {}).get("dtype", "bfloat16"))]
    furthest = max((abs(one - other) for one, other in zip(ended, saved, strict=True)), default=0.0)
    alike = furthest <= most and all(map(math.isfinite, saved))
    says = (
        ""
        if alike
        else f"a token's loss went from {ended} to {saved} when the model was saved: weights in bfloat16 may have "
        "rounded away what was learnt; serve the adapters in the folder `adapter` beside the base, or raise the rate"
    )
    return Outcome("saved_as_trained", alike, {"furthest": furthest, "tolerance": most}, says)


def shared_outcomes(output: Path, training: TrainingRecord) -> list[Outcome]:
    """The rules that any checkpoint must keep."""
    found, unsound = faults(output), unsound_tensors(output)
    wrote = training.get("wrote", [])
    return [
        finite_losses(training["losses"]),
        Outcome("files_whole", not found, {"faults": len(found)}, f"{output}: {', '.join(found)}" if found else ""),
        Outcome(
            "weights_sound",
            not unsound,
            {"bad": len(unsound)},
            f"{', '.join(unsound[:10])} hold NaN or infinite numbers" if unsound else "",
        ),
        alike_losses(training),
        Outcome("loads_and_writes", bool(wrote), {"tokens": len(wrote)}, "" if wrote else "it wrote nothing"),
    ]


def evaluate(store: Store) -> dict[str, Outcome]:
    """The outcome of every rule on what the asset wrote last."""
    output = current_checkpoint(store, "sft")
    training = read_training(output)
    return {outcome.rule: outcome for outcome in (*shared_outcomes(output, training), falling_loss(training["losses"]))}


CHECKS = WholeRules(RULES, evaluate)
