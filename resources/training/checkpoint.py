"""Checkpoint folders: where they are, what they hold, and whether they are whole and sound. Without torch."""

from pathlib import Path
from typing import Literal, cast

import numpy as np

from resources.damaged_files import read_object
from resources.store import Store
from resources.training.training_record import TrainingRecord
from resources.training.weight_files import StoredTensor, missing_weights, stored_tensors, weight_faults

FILES = ("config.json", "tokenizer.json", "training.json")
EXPONENTS = {"F32": ("<u4", 0x7F800000), "BF16": ("<u2", 0x7F80), "F16": ("<u2", 0x7C00)}  # all set: NaN or infinite
_CHUNK = 2**24  # numbers looked at in one go


class TrainingError(RuntimeError):
    """The training process ended badly; the sentence holds its last words."""


def checkpoint_home(store: Store, kind: Literal["sft", "dpo"], run: str) -> Path:
    """The folder of the checkpoint of this run id, there or not."""
    return store.home / "checkpoints" / kind / run


def current_checkpoint(store: Store, kind: Literal["sft", "dpo"]) -> Path:
    """The checkpoint that was trained last. Raises TrainingError where there is none, or a part of one."""
    pointer = store.home / "checkpoints" / kind / "current.json"
    if not pointer.exists():
        raise TrainingError(f"{pointer} is not there: materialise `{kind}_checkpoint` first.")
    folder: Path = pointer.parent / str(read_object(pointer, "id")["id"])
    if found := faults(folder):
        raise TrainingError(
            f"The checkpoint {folder} is not whole ({', '.join(found)}): delete it and materialise "
            f"`{kind}_checkpoint` again."
        )
    return folder


def faults(folder: Path) -> list[str]:
    """What is missing from a checkpoint or cut short; empty where it is whole."""
    found = [f"{name} is missing" for name in FILES if not (folder / name).exists()]
    found += [f"{name} is missing" for name in missing_weights(folder)]
    return found + [fault for path in sorted(folder.glob("*.safetensors")) for fault in weight_faults(path)]


def unsound_tensors(folder: Path) -> list[str]:
    """Names of the tensors that hold a NaN or an infinite number."""
    return [
        tensor.name
        for path in sorted(folder.glob("*.safetensors"))
        for tensor in stored_tensors(path)
        if tensor.dtype in EXPONENTS and _unsound(path, tensor)
    ]


def _unsound(path: Path, tensor: StoredTensor) -> bool:
    kind, exponent = EXPONENTS[tensor.dtype]
    count = (tensor.stop - tensor.start) // np.dtype(kind).itemsize
    if count == 0:
        return False
    bits = np.memmap(path, dtype=kind, mode="r", offset=tensor.start, shape=(count,))
    return any(bool(((bits[low : low + _CHUNK] & exponent) == exponent).any()) for low in range(0, count, _CHUNK))


def read_training(output: Path) -> TrainingRecord:
    """The record of the run that ended in this checkpoint."""
    record = cast(TrainingRecord, read_object(output / "training.json", "base"))
    record["base"] = model_here(record["base"], output)
    return record


def model_here(model: str, output: Path) -> str:
    """Where a model that this factory made is now, whose LWV_HOME may have been moved since; any other stays as named.

    model: a path or a hub id. output: a checkpoint, in the folder `checkpoints/<kind>` of that LWV_HOME.
    """
    path = Path(model)
    here = output.parents[1].joinpath(*path.parts[-2:])
    made_here = path.is_absolute() and path.parts[-3:-2] == (here.parents[1].name,)
    return str(here) if made_here and here.exists() else model
