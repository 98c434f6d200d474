"""The rules that a DPO checkpoint must keep before it is scored."""

import math

from assets.quality.bridge import whole_checks
from assets.quality.outcome import Outcome, Rule
from assets.sft_checkpoint.checks import finite_losses, whole_files
from assets.training_run import current_checkpoint, read_training
from resources.store import Store

LN_2 = math.log(2)
RULES = (
    Rule("loss_finite", "Every logged loss is a finite number."),
    Rule("starts_at_ln_2", "Before the first update policy and reference agree, so the loss is ln 2: another value "
                           "means a wrong reference model."),
    Rule("files_whole", "The checkpoint has its weights, configuration, tokenizer and training record."),
)


def evaluate(store: Store) -> dict[str, Outcome]:
    output = current_checkpoint(store, "dpo")
    losses = read_training(output)["losses"]
    first = losses[0] if losses else math.nan
    ln_2 = Outcome("starts_at_ln_2", abs(first - LN_2) < 1e-2, {"first_loss": first, "ln_2": LN_2})
    return {outcome.rule: outcome for outcome in (finite_losses(losses), ln_2, whole_files(output))}


dpo_checkpoint_checks = whole_checks("dpo_checkpoint", RULES, evaluate)
