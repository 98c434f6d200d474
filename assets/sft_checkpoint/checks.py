"""The rules that an SFT checkpoint must keep before it is trained further or scored."""

import math
from typing import Any

from assets.quality.bridge import whole_checks
from assets.quality.outcome import Outcome, Rule
from assets.training_run import current_checkpoint, read_training
from resources.store import Store

RULES = (
    Rule("loss_finite", "Every logged loss is a finite number."),
    Rule("loss_falls", "The mean loss of the last quarter of the steps is below that of the first.", blocking=False),
    Rule("files_whole", "The checkpoint has its weights, configuration, tokenizer and training record."),
)
FILES = ("config.json", "tokenizer.json", "training.json")


def finite_losses(losses: list[float]) -> Outcome:
    bad = [step for step, loss in enumerate(losses, 1) if not math.isfinite(loss)]
    return Outcome("loss_finite", bool(losses) and not bad, {"steps": len(losses), "bad": len(bad)},
                   f"steps {bad[:10]} have no finite loss" if bad else "" if losses else "no step was trained")


def falling_loss(losses: list[float]) -> Outcome:
    quarter = max(1, len(losses) // 4)
    first, last = sum(losses[:quarter]) / quarter, sum(losses[-quarter:]) / quarter
    return Outcome("loss_falls", len(losses) > 1 and last < first, {"first": first, "last": last})


def whole_files(output: Any) -> Outcome:
    missing = [name for name in FILES if not (output / name).exists()]
    if not any(output.glob("*.safetensors")):
        missing.append("*.safetensors")
    return Outcome("files_whole", not missing, {"missing": len(missing)},
                   f"{output} lacks {', '.join(missing)}" if missing else "")


def evaluate(store: Store) -> dict[str, Outcome]:
    output = current_checkpoint(store, "sft")
    losses = read_training(output)["losses"]
    found = (finite_losses(losses), falling_loss(losses), whole_files(output))
    return {outcome.rule: outcome for outcome in found}


sft_checkpoint_checks = whole_checks("sft_checkpoint", RULES, evaluate)
