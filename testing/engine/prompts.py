"""The prompts of the writing step as plain strings, from the factory's own templates, for tools that are not ours.

Nothing but the standard library, so that every tool's own environment can import it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from testing.engine.work import SECTION_WORDS, sections_of

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "long_outputs" / "prompts"
TEXTS = {path.stem: Template(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.txt")}


def instruction(sample: int, fixed: int = 0) -> str:
    return f"[sample {sample}] Write an article. Write {required_words(sample, fixed)} words in total."


def required_words(sample: int, fixed: int = 0) -> int:
    """So many that the writer asks for `sections_of` sections."""
    return SECTION_WORDS * sections_of(sample, fixed)


def opening(sample: int, fixed: int = 0) -> str:
    return _join(_fill("system"), _fill("task", instruction=instruction(sample, fixed)))


def plan_step(sample: int, fixed: int = 0, pages: int = 0) -> str:
    return _fill(
        "plan",
        pages=pages,
        language="en",
        total_words=required_words(sample, fixed),
        section_rule=sections_of(sample, fixed),
    )


def section_step(plan: str, step: int) -> str:
    sections = _sections(plan)
    section = sections[step - 1]
    return _fill(
        "write",
        index=step,
        count=len(sections),
        language="en",
        point=section["point"],
        words=section["words"],
        pages=", ".join(map(str, section["pages"])),
        heading=section["point"].rstrip("."),
    )


def plan_prompt(sample: int) -> str:
    return _join(opening(sample), plan_step(sample))


def section_prompt(sample: int, plan: str, written: Sequence[str]) -> str:
    """Everything so far and what to write next, in our order; `written`: the sections so far."""
    said = [plan_prompt(sample), plan]
    for index, text in enumerate(written):
        said += [section_step(plan, index + 1), text]
    return _join(*said, section_step(plan, len(written) + 1))


def sections_in(plan: str) -> int:
    return len(_sections(plan))


def _sections(plan: str) -> list[dict[str, Any]]:
    """None where a plan cannot be used, as the server's bad ones cannot."""
    try:
        found: list[dict[str, Any]] = json.loads(plan)["sections"]
    except ValueError:
        return []
    return found


def _fill(name: str, **slots: object) -> str:
    return TEXTS[name].substitute({key: str(value) for key, value in slots.items()}).strip()


def _join(*texts: str) -> str:
    return "\n\n".join(texts)
