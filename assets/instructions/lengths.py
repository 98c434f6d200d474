"""How long a text is to be, and whether the instruction says so before, after, or not at all. Decisions only."""

import re
from collections.abc import Sequence
from typing import Literal, TypeVar

from assets.instructions.documents import Material, draw
from assets.recipe import Instructions

Item = TypeVar("Item")
LengthFrom = Literal["stated", "back_translated", "none"]
LEAST_STATED = 100
_STATED = re.compile(r"(\d[\d,]*)\s*(k)?[\s-]*(?:words?\b|字|个字|字数)", re.IGNORECASE)


def target_words(material: Material, recipe: Instructions) -> int:
    """Words that the plan aims at where the request names none: by page for decks, else drawn from the recipe's."""
    if material.kind == "deck":
        return recipe.words_per_page * len(material.images)
    return pick(recipe.words[material.kind], material, "words")


def length_from(material: Material, recipe: Instructions) -> LengthFrom:
    """Held-out examples always state their length, because they are scored on it."""
    drawn = draw(material.example_id, "length")
    if material.split == "benchmark" or drawn < recipe.stated_share:
        return "stated"
    return "back_translated" if drawn < recipe.stated_share + recipe.back_translated_share else "none"


def stated_words(request: str) -> int | None:
    """The length that a request itself names (`2,000 words`, `3k-word`, `800字`), the largest where it names several.

    Fewer than LEAST_STATED are no length of a text but something that the request says about its image.
    """
    found = [int(number.replace(",", "")) * (1000 if thousand else 1) for number, thousand in _STATED.findall(request)]
    return max((words for words in found if words >= LEAST_STATED), default=None)


def pick(options: Sequence[Item], material: Material, what: str) -> Item:
    return options[int(draw(material.example_id, what) * len(options))]
