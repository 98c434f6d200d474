"""Which LWV_* names of the environment are no setting: a misspelt one would do nothing, without a word."""

from collections.abc import Iterable

from resources.endpoints import endpoint_names
from resources.settings import Settings
from resources.wanted import nearest


def strange_names(environment: Iterable[str]) -> list[str]:
    """A sentence for each name that begins with LWV_ and is no setting, with the right one where it can be guessed."""
    known = [*(f"LWV_{name}".upper() for name in Settings.model_fields), *endpoint_names()]
    strange = sorted(name for name in environment if name.upper().startswith("LWV_") and name.upper() not in known)
    return [_says(name, nearest(name, known)) for name in strange]


def _says(name: str, guess: str) -> str:
    return f"{name} is no setting and does nothing" + (f": did you mean {guess}?" if guess else ".")
