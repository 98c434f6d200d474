"""Whether an example can fit into a model's context: decided before its first call, on numbers alone."""

from collections.abc import Sequence
from typing import NamedTuple

from assets.instructions.schema import Instruction
from assets.long_outputs.writer import sections_for
from resources.recipe.model import Writing
from resources.text.tokens import EXPECTED_PER_WORD

# What cannot be less, whatever the model writes: of the opening turn, for a section's step, for its line in the plan.
LEAST_RULES, LEAST_STEP, LEAST_PLAN_LINE = 250, 60, 25
LEAST_PER_WORD = {"en": 1.3, "zh": 0.65}  # today's tokenizers; a Chinese word is a character
LEAST_IMAGE = 64  # of a model whose rule is not known here
PATCHES = {"qwen2": 28, "qwen3": 32}  # a token for a square of so many pixels
PATCH = 28


class Need(NamedTuple):
    """Tokens of an example's last call, answer included, at the least."""

    vision: int
    text: int


class Context(NamedTuple):
    """How many tokens a model takes. source: who says so."""

    tokens: int
    source: str


def least_need(example: Instruction, vision: int, recipe: Writing) -> Need:
    """What the last section needs with everything before it. vision: tokens of the images, at the least."""
    sections = section_count(example, recipe)
    words = example["target_words"] * (recipe.band[0] if recipe.length_control else 1)
    written = LEAST_PER_WORD.get(example["language"], LEAST_PER_WORD["zh"]) * words
    return Need(vision, round(LEAST_RULES + sections * (LEAST_PLAN_LINE + LEAST_STEP) + written))


def why_not(example: Instruction, need: Need, context: Context | None, model: str) -> str | None:
    """Why an example cannot fit, with what to do; None where it can, or where the context is not known."""
    if context is None or sum(need) <= context.tokens:
        return None
    images = len(example["images"])
    fits = fitting_pages(example, need, context.tokens) if example["kind"] == "deck" else 0
    advice = f"lower `instructions.chapter_pages` to {fits} in the recipe, or " if fits else ""
    smaller = ", or store smaller pages (LWV_MAX_SIDE)" if need.text < context.tokens else ", or ask for shorter texts"
    return (
        f"it needs at least {sum(need):,} tokens ({images} image{'' if images == 1 else 's'} {need.vision:,}, text "
        f"{need.text:,}), and {model} takes {context.tokens:,} ({context.source}): {advice}give the server more "
        f"context (vLLM: --max-model-len){smaller}"
    )


def fitting_pages(example: Instruction, need: Need, context: int) -> int:
    """How many of a deck's pages will fit together at the most, by what is expected and not by the least; 0: none."""
    pages = len(example["images"])
    words = EXPECTED_PER_WORD * example["target_words"] / pages
    each = need.vision / pages + words + LEAST_PLAN_LINE + 2 * LEAST_STEP
    return max(0, min(pages - 1, int((context - 2 * LEAST_RULES) / each)))


def section_count(example: Instruction, recipe: Writing) -> int:
    """How many sections an example will have: a deck one a page."""
    return len(example["images"]) if example["kind"] == "deck" else sections_for(example["target_words"], recipe)


def least_vision(model: str, sizes: Sequence[tuple[int, int]]) -> int:
    """Tokens of images at the least: exact for the Qwen-VL models, by name. sizes: (width, height), pixels."""
    patch = _patch_of(model)
    return sum(vision_tokens(width, height, patch) if patch else LEAST_IMAGE for width, height in sizes)


def expected_vision(model: str, sizes: Sequence[tuple[int, int]]) -> int:
    """Tokens of images as the model's rule has it; Qwen2.5-VL's where none is known."""
    patch = _patch_of(model) or PATCH
    return sum(vision_tokens(width, height, patch) for width, height in sizes)


def vision_tokens(width: int, height: int, patch: int) -> int:
    """Of one image, by the Qwen-VL models' rule."""
    return max(1, round(width / patch)) * max(1, round(height / patch))


def _patch_of(model: str) -> int | None:
    name = model.lower()
    return next((patch for family, patch in PATCHES.items() if family in name), None)
