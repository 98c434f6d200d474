"""What a training run needs around its trainer: configuration, progress, a partial folder, the record at its end."""

import argparse
import json
import logging
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import datasets
import transformers
from transformers import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

log = logging.getLogger("lwv.training")


def read_config() -> dict[str, Any]:
    """The JSON that `--config` names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    return json.loads(parser.parse_args().config.read_text())


@contextmanager
def reporting(what: str) -> Any:
    """Yields a function that says one line: on stdout, and in Dagster's log where Dagster started us (rank 0 only)."""
    first = int(os.environ.get("RANK", "0")) == 0
    if first and "DAGSTER_PIPES_CONTEXT" in os.environ:
        from dagster_pipes import open_dagster_pipes

        with open_dagster_pipes() as pipes:
            yield lambda line: pipes.log.info(f"{what}: {line}")
    elif first:
        yield lambda line: print(f"{what}: {line}", flush=True)
    else:
        yield lambda line: None


class Progress(TrainerCallback):
    """Says step, loss, tokens per second and time left at every logged step, and keeps the losses."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.started = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs is None or "loss" not in logs:
            return
        spent = time.monotonic() - self.started
        left = spent / max(1, state.global_step) * (state.max_steps - state.global_step)
        self.say(f"step {state.global_step} of {state.max_steps}, loss {float(logs['loss']):.4f}, {spent:.0f} s, "
                 f"about {left:.0f} s left")


def finish_run(config: dict[str, Any], train: Callable[[Path, str | None], tuple[Any, dict[str, Any]]]) -> None:
    """Run `train(partial folder, checkpoint to go on from)` and put its result at `config["output"]` in one rename.

    train returns the trainer and what to add to `training.json`. A run that was killed finds its partial folder again
    and goes on from the last step it saved.
    """
    output = Path(config["output"])
    partial = output.with_name(f"{output.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    trainer, more = train(partial, get_last_checkpoint(str(partial)))
    if not trainer.is_world_process_zero():
        return
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    losses = [float(entry["loss"]) for entry in history]
    final = partial / "final"
    trainer.save_model(str(final))
    trainer.processing_class.save_pretrained(final)
    record = {
        "student": config["student"], "dataset_id": config["dataset_id"], "recipe": config["recipe"],
        "authors": config["authors"], "embedded": any(name.startswith("embedded") for name in config["authors"]),
        "losses": losses, "steps": trainer.state.global_step, "seconds": time.monotonic() - started,
        "versions": {name: version(name) for name in ("torch", "transformers", "trl", "accelerate")}, **more}
    (final / "training.json").write_text(json.dumps(record, indent=2, sort_keys=True))
    shutil.rmtree(output, ignore_errors=True)
    final.rename(output)
    shutil.rmtree(partial)


def run_script(what: str, body: Callable[[dict[str, Any], Callable[[str], None]], None]) -> None:
    """The main of a training script: configuration, reporting, and an error as its last line."""
    config = read_config()
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)  # the trainers' own, about names that change in v6
    with reporting(what) as say:
        try:
            body(config, say)
        except Exception as error:
            print(f"{what} failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            raise
