"""What a training run needs around its trainer: configuration, progress, a partial folder, the record at its end."""

import argparse
import gc
import json
import logging
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import datasets
import torch
import transformers
from transformers import (
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from resources.authors import is_embedded
from resources.logs import clean_logs, clean_output
from resources.secrets import mask, without_secrets
from resources.stopping import STOP, Stopped
from resources.storage_faults import of_full_disk
from resources.training.answer_writer import load_writer
from resources.training.common_hyperparameters import Dtype, Hyperparameters
from resources.training.rows.processor import load_processor
from resources.training.run_config import DpoRun, GenerationRun, SftRun, TrainingRun
from resources.training.saved_files import ADAPTER, keep_adapter_alone, to_bfloat16
from resources.training.saved_losses import Batch, losses, saved_losses
from resources.training.students.chat_processor import sampling
from resources.training.training_record import KindRecord, TrainingRecord

log = logging.getLogger("lwv.training")


Run = TypeVar("Run", SftRun, DpoRun, GenerationRun)


def read_config(kind: type[Run]) -> Run:
    """What the JSON that `--config` names says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    return kind.from_json(json.loads(parser.parse_args().config.read_text()))


@contextmanager
def reporting(what: str) -> Iterator[Callable[[str], None]]:
    """Yields a function that says one line: on stdout, and in Dagster's log where Dagster started us (rank 0 only)."""
    first = int(os.environ.get("RANK", "0")) == 0
    if first and "DAGSTER_PIPES_CONTEXT" in os.environ:
        from dagster_pipes import open_dagster_pipes

        with open_dagster_pipes() as pipes:
            yield lambda line: pipes.log.info("%s: %s", what, line)
    elif first:
        yield lambda line: print(f"{what}: {line}", flush=True)
    else:
        yield lambda line: None


class Progress(TrainerCallback):
    """Says step, loss, tokens per second and time left at every logged step."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """From here speed is measured."""
        self.started, self.first_step = time.monotonic(), state.global_step
        self.first_tokens = state.num_input_tokens_seen

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        """One line, where a loss was logged."""
        if logs is not None and "eval_loss" in logs:
            self.say(f"step {state.global_step}, loss {float(logs['eval_loss']):.4f} of what is held back")
        if logs is None or "loss" not in logs:
            return
        spent = time.monotonic() - self.started
        left = spent / max(1, state.global_step - self.first_step) * (state.max_steps - state.global_step)
        speed = (state.num_input_tokens_seen - self.first_tokens) / spent
        self.say(
            f"step {state.global_step} of {state.max_steps}, loss {float(logs['loss']):.4f}, "
            f"{speed:.0f} tokens/s, {spent:.0f} s, about {left:.0f} s left"
        )


class SaveAndStop(TrainerCallback):
    """Ends training after the step that is computed when the process is asked to end, once that step is saved."""

    def __init__(self) -> None:
        self._orderly = ExitStack()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """From here a signal waits for the end of a step."""
        self._orderly.enter_context(STOP.orderly())

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """All processes of the run agree, for each step takes all of them."""
        asked = torch.tensor(STOP.requested, dtype=torch.int32, device=args.device)
        if torch.distributed.is_initialized():
            torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX)
        if asked.item():
            control.should_save = control.should_training_stop = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """From here a signal ends the process where it stands."""
        self._orderly.close()


class EarlyEnd(EarlyStoppingCallback):
    """Trainer's, which says so. The weights are those of the last step: nothing is gone back to."""

    def __init__(self, patience: int, say: Callable[[str], None]) -> None:
        super().__init__(patience)
        self._say = say

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Trainer's own warns here of the weights that it will not go back to."""

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: Any = None, **more: Any
    ) -> None:
        """Ends the training where the loss has not become lower for so many looks."""
        super().on_evaluate(args, state, control, metrics, **more)  # type: ignore[no-untyped-call]
        if control.should_training_stop:
            self._say(
                f"ended early at step {state.global_step} of {state.max_steps}: {self.early_stopping_patience} looks "
                "without a lower loss of what is held back; the weights are those of this step"
            )


def callbacks(hyperparameters: Hyperparameters, say: Callable[[str], None]) -> list[TrainerCallback]:
    """What both trainers have: progress, an orderly end, and an early one where the recipe has patience."""
    found: list[TrainerCallback] = [Progress(say), SaveAndStop()]
    if hyperparameters.patience is not None:
        found.append(EarlyEnd(hyperparameters.patience, say))
    return found


def partial_folder(output: Path) -> Path:
    """Where a run that is not finished keeps what it has."""
    return output.with_name(f"{output.name}.partial")


def whole_checkpoint(partial: Path, say: Callable[[str], None]) -> str | None:
    """The newest checkpoint to resume from; one that was being written when the run was killed is removed first.

    Trainer writes `trainer_state.json` last, and deletes the checkpoint before only after it.
    """
    found = sorted(partial.glob("checkpoint-*"), key=lambda folder: int(folder.name.split("-")[1]), reverse=True)
    for folder in found:
        try:
            tokens_seen(folder)
            return str(folder)
        except (OSError, ValueError):
            say(f"{folder} is half-written: removed")
            shutil.rmtree(folder, ignore_errors=True)  # each rank does so, and one of them is first
    return None


def tokens_seen(checkpoint: Path) -> int:
    """Tokens that the run had been trained on by then."""
    return int(json.loads((checkpoint / "trainer_state.json").read_text())["num_input_tokens_seen"])


def finish_run(
    run: TrainingRun,
    say: Callable[[str], None],
    train: Callable[[str | None], tuple[Trainer, KindRecord]],
    samples: Sequence[Batch],
) -> None:
    """Run `train(checkpoint to resume from)` and put its result at `run.output` in one rename.

    train returns the trainer and what its kind adds to `training.json`. samples: whose losses the trained and the saved
    model are to have alike. A run that was killed finds its partial folder again and resumes from the last step it
    saved; its seconds are those since it was started again.
    """
    output, partial = run.output, partial_folder(run.output)
    partial.mkdir(parents=True, exist_ok=True)
    started, checkpoint = time.monotonic(), whole_checkpoint(partial, say)
    known = tokens_seen(Path(checkpoint)) if checkpoint else 0
    final = partial / "final"
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(final / "tensorboard")  # Trainer has no argument for it
    trainer, more = train(checkpoint)
    if trainer.state.global_step < trainer.state.max_steps:
        STOP.check()
    dtype = run.hyperparameters.dtype
    ended = losses(trainer.model_wrapped if trainer.is_fsdp_enabled else whole_model(trainer), samples, dtype)
    save(trainer, final, dtype)
    if not trainer.is_world_process_zero():
        return
    # Else the model would be loaded as ZeRO-3 does it, by all ranks together, and the others are gone.
    unset: Callable[[], None] = unset_hf_deepspeed_config
    unset()
    state, device = trainer.state, trainer.args.device
    del trainer  # with its optimizer: the saved model is loaded beside nothing else
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    logged, tokens, seconds = state.log_history, state.num_input_tokens_seen, time.monotonic() - started
    record: TrainingRecord = {
        **more,
        "student": run.student,
        "dataset_id": run.dataset_id,
        "recipe": asdict(run.hyperparameters),
        "authors": run.authors,
        "embedded": any(map(is_embedded, run.authors)),
        "losses": [float(entry["loss"]) for entry in logged if "loss" in entry],
        "validation": [float(entry["eval_loss"]) for entry in logged if "eval_loss" in entry],
        "ended": ended,
        "saved": saved_losses(final, samples, device),
        "steps": state.global_step,
        "seconds": seconds,
        "tokens": tokens,
        "tokens_per_second": (tokens - known) / seconds,
        "wrote": first_words(final),
        "versions": {name: version(name) for name in ("torch", "transformers", "trl", "accelerate")},
    }
    (final / "training.json").write_text(json.dumps(record, indent=2, sort_keys=True))
    shutil.rmtree(output, ignore_errors=True)
    final.rename(output)
    shutil.rmtree(partial)


def whole_model(trainer: Trainer) -> torch.nn.Module:
    """The model without what devices wrap around it."""
    model: torch.nn.Module = trainer.accelerator.unwrap_model(trainer.model)
    return model


def save(trainer: Trainer, folder: Path, dtype: Dtype) -> None:
    """Whole weights in the dtype that was computed in, as they are served, processor and sampling; adapters are merged
    into what they adapt, and kept beside it too. Every rank takes part: weights may be sharded."""
    model: Any = whole_model(trainer)
    if hasattr(model, "merge_and_unload"):
        trainer.save_model(str(folder / ADAPTER))
        trainer.model = model = model.merge_and_unload()
    given = model.generation_config
    model.generation_config = sampling(given.eos_token_id, given.pad_token_id)
    trainer.save_model(str(folder))
    if trainer.is_world_process_zero():
        if trainer.processing_class is not None:
            trainer.processing_class.save_pretrained(folder)
        if dtype == "bfloat16":
            to_bfloat16(folder)
        keep_adapter_alone(folder / ADAPTER)


def first_words(folder: Path) -> list[int]:
    """Eight tokens that the saved model writes once it is loaded from disk: it loads, and it writes."""
    given = torch.tensor([load_processor(folder).tokenizer("<|im_start|>assistant\n")["input_ids"]])
    written = load_writer(folder).generate(
        input_ids=given, attention_mask=torch.ones_like(given), max_new_tokens=8, min_new_tokens=8, do_sample=False
    )
    tokens: list[int] = written[0, given.shape[1] :].tolist()
    return tokens


def run_script(what: str, kind: type[Run], body: Callable[[Run, Callable[[str], None]], None]) -> None:
    """The main of a training script: configuration, reporting, and an error left beside the output as one sentence.

    SIGTERM ends it, with what is trained or written so far saved, and with the exit code of that signal.
    """
    clean_logs()
    clean_output()
    run = read_config(kind)
    failed = run.output.with_name(f"{run.output.name}.failed")
    failed.unlink(missing_ok=True)
    datasets.disable_progress_bars()
    disable_bar: Callable[[], None] = transformers.utils.logging.disable_progress_bar
    disable_bar()
    warnings.filterwarnings("ignore", category=FutureWarning)  # the trainers' own, about names that change in v6
    problem: BaseException | None = None
    full: str | None = None
    with STOP.listening(), reporting(what) as say:
        try:
            body(run, say)
        except Stopped:
            say(f"stopped by {STOP.name}; it goes on from here when it is started again")
        except Exception as error:
            full = of_full_disk(error, run.output.parent)
            if full:
                whole_checkpoint(partial_folder(run.output), say)  # room for a sentence, and for what comes next
            else:
                problem = without_secrets(error)
            print(f"{what} failed: {full or f'{type(error).__name__}: {error}'}", file=sys.stderr, flush=True)
            with suppress(OSError):
                failed.write_text(mask(full or str(error)))
        if problem is not None:  # outside of the handler, which would tie what held a secret to it
            raise problem
    if full:
        sys.exit(1)
    if STOP.requested:
        sys.exit(STOP.exit_code)
