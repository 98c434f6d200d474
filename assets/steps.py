"""The one list of steps, in the order of the lineage: definitions, jobs, gates, reports and folders follow from it.

A new asset is a folder `assets/<name>/` and its name here.
"""

from importlib import import_module

from assets.step import Job, Step

NAMES = (
    "source_images",
    "source_files",
    "instructions",
    "long_outputs",
    "drafts",
    "segments",
    "corrected_segments",
    "signals",
    "preference_pairs",
    "sft_dataset",
    "preference_dataset",
    "sft_checkpoint",
    "dpo_checkpoint",
    "benchmark_scores",
    "quality_report",
)


def _declared(name: str) -> Step:
    step: Step = import_module(f"assets.{name}.step").STEP
    if step.name != name:
        raise ValueError(f"assets/{name}/step.py declares {step.name}.")
    return step


STEPS = tuple(map(_declared, NAMES))
STEP_OF = {step.name: step for step in STEPS}


def steps_of(job: Job) -> tuple[str, ...]:
    """Names of the assets that a job makes, in the order of the lineage."""
    return tuple(step.name for step in STEPS if job in step.jobs)


def sharded_steps() -> tuple[str, ...]:
    """Names of the assets that have a table, checks and a report for each shard."""
    return tuple(step.name for step in STEPS if step.sharded)


def gate_steps() -> tuple[str, ...]:
    """Names of the quality gates: they write the training datasets, and leave rows out over all shards."""
    return tuple(step.name for step in STEPS if step.group == "quality_gates")


def gated_by(step: Step) -> tuple[str, ...]:
    """The sharded assets whose reports must be good before this gate opens, without those that a shard may lack."""
    return tuple(name for name in step.upstream if STEP_OF[name].sharded and name not in step.optional)
