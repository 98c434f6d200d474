"""The files of a saved model as Trainer leaves them no user: weights in bfloat16, adapters beside the merged model."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

ADAPTER = "adapter"  # the folder in a checkpoint that holds the adapters alone


def to_bfloat16(folder: Path) -> None:
    """Weights in float32 become bfloat16, each file in one rename, and the configuration says so. Float32 masters are
    for training on; a model is served, released and trained on as it is computed."""
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
        if all(tensor.dtype != torch.float32 for tensor in tensors.values()):
            continue
        halved = {name: each.bfloat16() if each.dtype == torch.float32 else each for name, each in tensors.items()}
        work = path.with_name(f".writing-{path.name}")
        save_file(halved, work, metadata)
        work.replace(path)
    index = folder / "model.safetensors.index.json"
    if index.exists():
        found = json.loads(index.read_text())
        found["metadata"]["total_size"] = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        index.write_text(json.dumps(found, indent=2, sort_keys=True))
    config = folder / "config.json"
    config.write_text(json.dumps(_halved(json.loads(config.read_text())), indent=2, sort_keys=True))


def keep_adapter_alone(folder: Path) -> None:
    """Of what Trainer wrote into a folder, the adapters and their configuration."""
    for path in folder.glob("*"):
        if path.is_file() and not path.name.startswith("adapter_"):
            path.unlink()


def _halved(config: dict[str, Any]) -> dict[str, Any]:
    parts = {name: _halved(value) if isinstance(value, dict) else value for name, value in config.items()}
    return {name: "bfloat16" if name in ("dtype", "torch_dtype") else value for name, value in parts.items()}
