"""How long a text is to be, and whether the instruction says so before, after, or not at all. Decisions only."""

import re
from collections.abc import Sequence
from typing import TypeVar

from assets.instructions.materials import Material, draw
from assets.instructions.schema import LengthFrom
from resources.recipe.model import Instructions

Item = TypeVar("Item")
LEAST_STATED = 100
_STATED = re.compile(
    r"""
    (?: (?<![\d.,]) (?P<digits>\d[\d,]{0,9}(?:\.\d{1,3})?) \s* (?P<unit>k|百|千|万)?
      | (?P<spelt>[一二两三四五六七八九][零一二两三四五六七八九十百千万]*) )
    [\s-]* [多余来]? 个? \s* (?: words?\b | Chinese\ characters?\b | 汉?字 )""",
    re.IGNORECASE | re.VERBOSE,
)
_UNITS = {"": 1, "十": 10, "百": 100, "k": 1_000, "千": 1_000, "万": 10_000}
_DIGITS = dict(zip("零一二三四五六七八九两", (*range(10), 2), strict=True))


def target_words(material: Material, recipe: Instructions) -> int:
    """Words that the plan aims at where the request names none: by page for decks, else drawn from the recipe's."""
    if material.kind == "deck":
        return recipe.words_per_page * len(material.images)
    return pick(recipe.words.single if material.kind == "single" else recipe.words.multi, material, "words")


def length_from(material: Material, recipe: Instructions) -> LengthFrom:
    """Held-out examples always state their length, because they are scored on it."""
    drawn = draw(material.example_id, "length")
    if material.split == "benchmark" or drawn < recipe.stated_share:
        return "stated"
    return "back_translated" if drawn < recipe.stated_share + recipe.back_translated_share else "none"


def stated_words(request: str) -> int | None:
    """The length that a request itself names (`2,000 words`, `3k-word`, `两千字`), the largest where it names several.

    Numbers below LEAST_STATED are taken for something that the request says about its image.
    """
    found = [
        spelt_number(match["spelt"])
        if match["spelt"]
        else round(float(match["digits"].replace(",", "")) * _UNITS[(match["unit"] or "").lower()])
        for match in _STATED.finditer(request)
    ]
    return max((words for words in found if words >= LEAST_STATED), default=None)


def spelt_number(text: str) -> int:
    """A number in Chinese characters, up to 万: `一万二千五百` is 12500."""
    total = thousands = digit = 0
    for character in text:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character == "万":
            total, thousands, digit = (thousands + digit) * 10_000, 0, 0
        else:
            thousands, digit = thousands + (digit or 1) * _UNITS[character], 0
    return total + thousands + digit


def pick(options: Sequence[Item], material: Material, what: str) -> Item:
    """One of `options`, drawn by the hash of the example and `what`."""
    return options[int(draw(material.example_id, what) * len(options))]
