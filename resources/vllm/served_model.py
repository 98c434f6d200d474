"""What `vllm:PATH-OR-ID` names: the model that a vLLM server of ours serves, by which name, and whether it can."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from resources.failures import EndpointError

SCHEME = "vllm:"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
EDGES = ("shortest_edge", "longest_edge")
WEIGHTS = ("*.safetensors", "*.bin", "*.gguf")


class ServedModel(NamedTuple):
    """A model that we serve. path: a folder or a hub id; name: by which it is asked, and stands in the ledger."""

    path: str
    name: str


def is_ours(address: str) -> bool:
    """Whether an address asks for a server of our own."""
    return address.strip().startswith(SCHEME)


def replica_addresses(model: ServedModel, replicas: int) -> list[str]:
    """A name for each of the servers that serve the model side by side; of one it is the model's."""
    first = f"{SCHEME}{model.name}"
    return [first, *(f"{first}#{number}" for number in range(2, replicas + 1))]


def replica_of(address: str) -> int:
    """Which of them has this name, from 1 on."""
    number = address.rpartition("#")[2]
    return int(number) if "#" in address and number.isdecimal() else 1


def served_model(address: str, setting: str) -> ServedModel:
    """The model of an address `vllm:PATH-OR-ID`. setting: that holds it. Raises EndpointError where it names none."""
    path = address.strip().removeprefix(SCHEME).strip()
    if not path:
        raise EndpointError(
            f"{setting} is '{SCHEME}' and names no model: write {SCHEME} and a model's folder or hub id."
        )
    if not path.isprintable():
        raise EndpointError(f"{setting} has a character that no path should have.")
    return of_path(path)


def of_path(path: str) -> ServedModel:
    """A folder goes by its last two names, `sft/3f2a…` for a checkpoint, so that a moved LWV_HOME costs nothing."""
    folder = Path(path).expanduser()
    if HUB_ID.fullmatch(path) and not folder.exists():
        return ServedModel(path, path)
    whole = folder.absolute()
    return ServedModel(str(whole), "/".join(whole.parts[-2:]).lstrip("/"))


def require_model(model: ServedModel, setting: str) -> None:
    """Raises EndpointError where a folder is missing or holds no model; whether vLLM knows it shows when it starts."""
    folder = Path(model.path)
    if not folder.is_absolute():  # a hub id: vLLM finds it in the hub's cache, or says that it does not
        return
    if not folder.is_dir():
        raise EndpointError(f"{setting} names {folder}, which is no folder: name a model's folder, or a hub id.")
    config = folder / "config.json"
    try:
        found = json.loads(config.read_bytes())
    except FileNotFoundError as error:
        raise EndpointError(f"{setting}: {folder} is no model's folder, there is no config.json in it.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise EndpointError(f"{setting}: {config} cannot be read ({error}).") from error
    if not isinstance(found, dict) or not any(any(folder.glob(pattern)) for pattern in WEIGHTS):
        raise EndpointError(f"{setting}: {folder} is not whole, it has no weights (*.safetensors).")


def max_positions(model: ServedModel) -> int | None:
    """Tokens of prompt and answer that a folder's model was made for; None where its config does not say."""
    try:
        found = json.loads((Path(model.path) / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    places = [found, found.get("text_config")] if isinstance(found, dict) else []
    counts = (place.get("max_position_embeddings") for place in places if isinstance(place, dict))
    return next((count for count in counts if isinstance(count, int) and count > 0), None)


def image_size(folder: str) -> dict[str, int] | None:
    """Pixels of an image, least and most, as a folder's processor has them (`size`); None where no file says so."""
    for name in ("processor_config.json", "preprocessor_config.json"):
        try:
            found = json.loads((Path(folder) / name).read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        part = found.get("image_processor", found) if isinstance(found, dict) else {}
        size = part.get("size") if isinstance(part, dict) else None
        if isinstance(size, dict) and all(isinstance(size.get(edge), int) for edge in EDGES):
            return {edge: size[edge] for edge in EDGES}
    return None


def weights_dtype(model: ServedModel) -> str:
    """In which its weights are served: as its config says, for `auto` would make bfloat16 of float32 (vLLM 0.32)."""
    try:
        found = json.loads((Path(model.path) / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return "auto"
    kind = (found.get("dtype") or found.get("torch_dtype")) if isinstance(found, dict) else None
    return kind if kind in ("float32", "bfloat16", "float16") else "auto"
