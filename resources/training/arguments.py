"""What both trainings need before their trainer: TRL's arguments, the devices, and the forecast said aloud."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import AutoConfig, IntervalStrategy, TrainingArguments

from resources.training.balance import Plan, idle_share, plan_passes
from resources.training.common_hyperparameters import Hyperparameters, Scheduler
from resources.training.forecast import GIB, Load, forecast, kept_layers
from resources.training.packed_trainer import Keep
from resources.training.students.families.registry import shape_of
from resources.training.ways import require_optimizer, require_reports, without_effect

Numbers = TypeVar("Numbers", bound=Hyperparameters)
SCHEDULERS: dict[Scheduler, str] = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


WHOLE = 1 - 1e-9  # 1.0 would be one step


def accumulation(documents: float, batch: int, devices: int) -> int:
    """Forward passes of each device to an update of about so many documents."""
    return max(1, round(documents / (batch * devices)))


def starting_point(base: str, checkpoint: str | None, hyperparameters: Hyperparameters) -> str:
    """Where weights are loaded from. Trainer loads a checkpoint's weights by name, and leaves out without a word what
    is saved under other names, as Qwen2.5-VL's are; from_pretrained knows both. Adapters Trainer loads well."""
    return checkpoint if checkpoint and not hyperparameters.lora_rank else base


def trainer_settings(hyperparameters: Hyperparameters, folder: Path, documents: float) -> dict[str, Any]:
    """What SFTConfig and DPOConfig share. No truncation: it would cut image tokens or the answer's end.

    documents: of an update, on all devices together. Raises PackageError where a package is not installed.
    """
    require_optimizer(hyperparameters.optimizer)
    require_reports(hyperparameters.reports)
    cuda = torch.cuda.is_available()
    # Images are opened ahead of a GPU; the order of documents is the same.
    ahead = {"dataloader_num_workers": 4, "dataloader_persistent_workers": True, "dataloader_prefetch_factor": 2}
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": hyperparameters.batch,
        "gradient_accumulation_steps": accumulation(documents, hyperparameters.batch, device_count()),
        "learning_rate": hyperparameters.learning_rate,
        "num_train_epochs": hyperparameters.epochs,
        "max_steps": hyperparameters.max_steps,
        "lr_scheduler_type": SCHEDULERS[hyperparameters.scheduler],
        "warmup_steps": min(hyperparameters.warmup_share, WHOLE),
        "bf16": hyperparameters.dtype == "bfloat16",
        "gradient_checkpointing": hyperparameters.gradient_checkpointing,
        "logging_steps": hyperparameters.logging_steps,
        "save_steps": hyperparameters.save_steps,
        "save_total_limit": 1,
        "seed": hyperparameters.seed,
        "max_length": None,
        "include_num_input_tokens_seen": "all",
        "report_to": hyperparameters.reports,
        "disable_tqdm": True,
        **validation_settings(hyperparameters),
        **({"optim": "adamw_torch_8bit"} if hyperparameters.optimizer == "adamw_8bit" else {}),
        "use_cpu": not cuda,
        **(ahead if cuda else {}),
        "logging_nan_inf_filter": False,  # it logs a loss that is NaN as 0, and no check would see it
    }


def validation_settings(hyperparameters: Hyperparameters) -> dict[str, Any]:
    """When the loss of the documents that are held back is looked at."""
    if not hyperparameters.validation_share:
        return {}
    patient = {"metric_for_best_model": "eval_loss", "greater_is_better": False}
    return {
        "eval_strategy": "steps",
        "eval_steps": hyperparameters.eval_steps or hyperparameters.save_steps,
        "eval_on_start": True,
        "per_device_eval_batch_size": hyperparameters.batch,
        "prediction_loss_only": True,
        **(patient if hyperparameters.patience else {}),
    }


def without_validation(
    args: TrainingArguments, hyperparameters: Numbers, held_out: int, say: Callable[[str], None]
) -> Numbers:
    """The hyperparameters, and the arguments changed in place, of a run in which no document could be held back."""
    if held_out or not hyperparameters.validation_share:
        return hyperparameters
    say("there is one document alone, so none is held back: no loss of held-out documents, and no early end")
    args.eval_strategy, args.do_eval, args.eval_on_start = IntervalStrategy.NO, False, False
    return replace(hyperparameters, validation_share=0.0, patience=None)


def planned(
    args: TrainingArguments,
    hyperparameters: Hyperparameters,
    tokens: Sequence[int],
    documents_per_update: float,
    say: Callable[[str], None],
) -> Plan | None:
    """The passes of an epoch over documents of so many tokens, where several share one, or several devices wait for
    each other; the arguments are changed to follow them."""
    budget, devices = hyperparameters.tokens_per_pass, device_count()
    if budget is None and devices == 1:
        return None
    plan = plan_passes(tokens, documents_per_update, budget, devices, hyperparameters.seed)
    args.per_device_train_batch_size, args.gradient_accumulation_steps = 1, plan.rounds_per_update
    passes = sum(map(len, plan.rounds))
    say(
        f"{passes} passes of {sum(tokens) / passes:,.0f} tokens on average, {plan.rounds_per_update} rounds an update, "
        f"about {len(tokens) / passes * plan.rounds_per_update * devices:.0f} documents in it, devices idle "
        f"{idle_share(plan, tokens):.1%}"
    )
    return plan


def longest_pass(plan: Plan | None, tokens: Sequence[int], batch: int) -> int:
    """Tokens of the largest pass."""
    if plan is None:
        return sum(sorted(tokens)[-batch:])
    return max(sum(tokens[number] for number in one) for each in plan.rounds for one in each)


def device_count() -> int:
    """Processes of this run, each with a device of its own."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def sharing_devices(hyperparameters: Hyperparameters) -> int:
    """Devices among which the weights are shared."""
    return 1 if hyperparameters.sharding == "none" else device_count()


def epochs(hyperparameters: Hyperparameters, args: TrainingArguments, documents: int, plan: Plan | None) -> float:
    """How many the run takes, of so many documents each, or of a plan's rounds."""
    if hyperparameters.max_steps < 0:
        return hyperparameters.epochs
    if plan is not None:
        return hyperparameters.max_steps * plan.rounds_per_update / len(plan.rounds)
    per_update = hyperparameters.batch * args.gradient_accumulation_steps * device_count()
    return hyperparameters.max_steps * per_update / documents


def forecast_run(base: str, hyperparameters: Hyperparameters, load: Load, say: Callable[[str], None]) -> Keep:
    """Say what the run will take; raises DoesNotFitError where a device has less memory.

    Returns how many layers need no checkpointing in a pass of so many tokens. None: all are checkpointed or none is, as
    `gradient_checkpointing` says; so too where devices share the weights, for they must gather the same ones at the
    same time.
    """
    for note in without_effect(hyperparameters):
        say(f"note: {note}")
    devices, shape = device_count(), shape_of(AutoConfig.from_pretrained(base).to_dict())
    expected = forecast(shape, hyperparameters, load, sharing_devices(hyperparameters))
    name, available = device_memory()
    hours = expected.hours(name, devices)
    say(
        f"forecast: {expected.needed / GIB:.2f} of {available / GIB:.1f} GiB, {load.tokens * load.epochs:.0f} tokens, "
        f"{expected.flops:.2g} FLOPs" + (f", about {hours:.1f} h" if hours else "")
    )
    expected.require(available)
    if not hyperparameters.gradient_checkpointing or sharing_devices(hyperparameters) > 1:
        return None
    keep = partial(kept_layers, shape, hyperparameters, load, available)
    say(
        f"the largest pass, of {load.longest} tokens, computes {shape.layers - keep(load.longest)} of {shape.layers} "
        "layers again on its way back; the smaller, the fewer"
    )
    return keep


def device_memory() -> tuple[str, int]:
    """The device's name and its free bytes."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(), torch.cuda.mem_get_info()[0]
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        return "CPU", next(
            int(line.split()[1]) * 1024 for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable")
        )
    return "CPU", os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
