"""Files of weights (safetensors) by their headers: where tensors stand, and whether a file is whole. No torch."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class StoredTensor(NamedTuple):
    """Where a tensor stands in a safetensors file: bytes [start, stop)."""

    name: str
    dtype: str
    start: int
    stop: int


def stored_tensors(path: Path) -> Iterator[StoredTensor]:
    """Those of a file. Raises OSError, or ValueError where it has no header."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if not 0 < size < 2**28:
            raise ValueError("no safetensors header")
        header = json.loads(file.read(size))
    for name, tensor in header.items():
        if name != "__metadata__":
            start, stop = tensor["data_offsets"]
            yield StoredTensor(name, tensor["dtype"], 8 + size + start, 8 + size + stop)


def weight_faults(path: Path) -> list[str]:
    """What is wrong with a file of weights, by its header and its length; empty where it is whole."""
    try:
        end = max((tensor.stop for tensor in stored_tensors(path)), default=0)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return [f"{path.name} cannot be read ({error})"]
    return [f"{path.name} is cut short"] if end > path.stat().st_size else []


def missing_weights(folder: Path) -> list[str]:
    """The files of weights that a model's folder lacks: those that its index names, or any at all."""
    index = folder / "model.safetensors.index.json"
    try:
        named = set(json.loads(index.read_bytes())["weight_map"].values()) if index.exists() else set()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return [f"a readable {index.name}"]
    if named:
        return sorted(str(file) for file in named if not (folder / str(file)).exists())
    return [] if any(folder.glob("*.safetensors")) else ["*.safetensors"]
