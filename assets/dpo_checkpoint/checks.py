"""The rules that a DPO checkpoint must keep before it is scored."""

from assets.quality.outcome import Finding, Outcome, Rule, WholeRules
from assets.sft_checkpoint.checks import SHARED_RULES, shared_outcomes
from resources.store import Store
from resources.training.checkpoint import current_checkpoint, read_training
from resources.training.training_record import TrainingRecord

RULES = (
    *SHARED_RULES,
    Rule(
        "starts_at_ln_2",
        "Before the first update policy and reference agree, so each pair's loss is ln 2: another "
        "value means a wrong reference model.",
    ),
)


def starts_at_ln_2(training: TrainingRecord) -> Outcome:
    """The pair of the first step that is furthest from ln 2; trained pair by pair, the step's mean, from its margin:
    near 0 half of it is what the preference loss differs by, whatever is added to the loss."""
    furthest = training["from_ln_2"] or [abs(margin) / 2 for margin in training["margins"][:1]]
    within = 1e-4 if training["recipe"]["dtype"] == "float32" else 1e-2
    good = bool(furthest) and furthest[0] < within
    far = f"a pair's loss is {furthest[0]:.4g} from ln 2 before the first update" if furthest else "no pair was trained"
    says = "" if good else f"{far}, {within:g} is allowed: the reference is not the model that is trained"
    metadata: dict[str, Finding] = {"furthest": furthest[0] if furthest else None, "within": within}
    return Outcome("starts_at_ln_2", good, metadata, says)


def evaluate(store: Store) -> dict[str, Outcome]:
    """The outcome of every rule on what the asset wrote last."""
    output = current_checkpoint(store, "dpo")
    training = read_training(output)
    return {outcome.rule: outcome for outcome in (*shared_outcomes(output, training), starts_at_ln_2(training))}


CHECKS = WholeRules(RULES, evaluate)
