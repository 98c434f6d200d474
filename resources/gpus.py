"""The GPUs of this machine that a process may see."""

import os
import re
import shutil
import subprocess
from itertools import takewhile

DEVICE = re.compile(r"\d+$|(GPU|MIG)-")  # an index, a uuid, or the beginning of a uuid


def visible_gpus() -> list[str]:
    """Names for CUDA_VISIBLE_DEVICES: those that it names now, else all by their numbers; none: the CPU."""
    if shutil.which("nvidia-smi") is None:
        return []
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return named_gpus(visible)
    listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=False).stdout
    return [str(number) for number in range(sum(line.startswith("GPU ") for line in listing.splitlines()))]


def named_gpus(setting: str) -> list[str]:
    """Those that CUDA_VISIBLE_DEVICES names: as CUDA reads it, nothing after an invalid name counts."""
    return list(takewhile(DEVICE.match, map(str.strip, setting.split(","))))
