"""Prompt templates: text files with `$name` slots, each with a version that follows its content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template


@dataclass(frozen=True)
class Prompt:
    """One template. `version` is its file name and the first 8 hex digits of its text's sha256: `plan@1f3a…`."""

    name: str
    text: str

    @property
    def version(self) -> str:
        """Changes with every change of the text: a part of each call's key."""
        return f"{self.name}@{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"

    def fill(self, slots: Mapping[str, object] | None = None, /, **more: object) -> str:
        """The text with every slot filled; raises KeyError where one is missing. Values are never expanded again."""
        return Template(self.text).substitute({**(slots or {}), **more}).strip()


def load_prompt(module_file: str, name: str) -> Prompt:
    """`prompts/<name>.txt` beside the module file `module_file` (pass `__file__`)."""
    return Prompt(name, (Path(module_file).parent / "prompts" / f"{name}.txt").read_text(encoding="utf-8"))
