"""Which model a student's name stands for: one that is built here, or a local path or hub id."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from resources.training.launcher import launch_env
from resources.training.students.families.family import Family
from resources.training.students.families.qwen2_5_vl import QWEN2_5_VL
from resources.training.students.families.registry import family_of
from resources.training.students.student_files import BUILT


def resolve_student(name: str, texts: Iterable[str], folder: Path) -> str:
    """Where the base model is: `tiny` (from `texts`) and `smol` are built into `folder` where they are not there yet;
    any other name is a local path or hub id and stands for itself. Raises SmolMissingError."""
    if name not in BUILT:
        return name
    if not (folder / "config.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".building-"))
        try:
            _build(name, texts, work)
            work.rename(folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return str(folder)


def student_family(name: str) -> Family:
    """The family of a student by its name: of one that is built here, or from its configuration. Raises
    UnknownFamilyError; OSError and ValueError where there is no configuration."""
    if name in BUILT:
        return QWEN2_5_VL
    from transformers import AutoConfig

    return family_of(AutoConfig.from_pretrained(name, local_files_only=launch_env()["HF_HUB_OFFLINE"] != "0").to_dict())


def _build(name: str, texts: Iterable[str], folder: Path) -> None:
    if name == "tiny":
        from resources.training.students.tiny import build_tiny

        build_tiny(texts, folder)
    else:
        from resources.training.students.smol import build_smol

        build_smol(folder)
