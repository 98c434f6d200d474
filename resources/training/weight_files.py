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
