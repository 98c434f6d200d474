"""Refusals and error messages that stand where a text is wanted."""

from resources.text.headings import without_heading

REFUSALS = (
    "i'm sorry, but i can",
    "i'm sorry, i can",
    "i cannot assist",
    "i can't assist",
    "i can't help with",
    "as an ai language model",
    "对不起，我不能",
    "抱歉，我无法",
    "很抱歉，我无法",
)
ERROR_TEXTS = (*REFUSALS, "max tries. failed")
HEAD = 200  # characters at a text's beginning in which a refusal is looked for


def begins_as_refusal(text: str, phrases: tuple[str, ...] = REFUSALS) -> bool:
    """Whether a model's answer begins as a refusal does."""
    return text.strip()[:HEAD].lower().replace("’", "'").startswith(phrases)


def is_refusal(text: str) -> bool:
    """Whether a section or paragraph begins, after its heading, as a refusal or an error text does."""
    return begins_as_refusal(without_heading(text), ERROR_TEXTS)
