"""The largest deck that a recipe can have written in one piece, and whether it fits into a context. Pure."""

from assets.instructions.schema import Instruction
from assets.long_outputs.context_need import Context, least_need, least_vision, why_not
from resources.recipe.model import Recipe


def largest_deck(recipe: Recipe) -> Instruction:
    """A chapter of as many pages as the recipe allows, in English, which has more tokens a word."""
    pages = recipe.instructions.chapter_pages
    return Instruction(
        example_id="",
        document_id="",
        documents=[],
        kind="deck",
        split="sft",
        language="en",
        images=[""] * pages,
        pages=list(range(1, pages + 1)),
        request="",
        instruction="",
        required_words=None,
        target_words=pages * recipe.instructions.words_per_page,
        length_from="none",
        task="lecture_script",
        origin="deck",
        author="",
        call_id=None,
    )


def why_no_deck(recipe: Recipe, model: str, max_side: int, context: Context) -> str | None:
    """Why such a deck, of pages of 4 to 3, cannot fit, with what to do; None where it can. max_side: pixels."""
    deck = largest_deck(recipe)
    vision = least_vision(model, [(max_side, max_side * 3 // 4)] * len(deck["images"]))
    return why_not(deck, least_need(deck, vision, recipe.writing), context, model)
