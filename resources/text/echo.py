"""Whether an answer repeats the prompt that asked for it, or has no words at all."""

from collections.abc import Sequence

from resources.text.words import tokens

RUN = 5  # tokens that follow each other, by which a text is compared with a prompt
SHARE = 0.5  # of its runs, from which on a text repeats the prompt


def has_words(text: str) -> bool:
    """Whether there is anything to read: `!!!!` and `2.` have no words."""
    return any(map(str.isalpha, text))


def echoes(text: str, prompts: Sequence[str]) -> bool:
    """Whether most of a text stands, word after word, in the prompts' own text (slots unfilled)."""
    runs = _runs(text)
    told = set[tuple[str, ...]]().union(*map(_runs, prompts))
    return bool(runs) and sum(run in told for run in runs) >= SHARE * len(runs)


def _runs(text: str) -> list[tuple[str, ...]]:
    found = tokens(text)
    return [tuple(found[at : at + RUN]) for at in range(len(found) - RUN + 1)]
