"""What other trainers call the chat templates of the students that can be trained here."""

from typing import Literal

from resources.training.students.families.registry import FAMILIES


def templates(trainer: Literal["llamafactory", "ms_swift"]) -> str:
    """Of each family, for the text of a card: `qwen2_vl` (Qwen2.5-VL), ..."""
    return ", ".join(f"`{getattr(family, trainer)}` ({family.name})" for family in FAMILIES)
