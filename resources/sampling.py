"""How a text is sampled, in full: nothing is left to the file of a model or to a server's default."""

from typing import TypedDict

from resources.recipe.model import Sampling


class SampledBy(TypedDict):
    """Every number that decides a draw but its seed. top_k 0, min_p 0, a penalty of repetition 1 and of presence 0:
    without it."""

    temperature: float
    top_p: float
    top_k: int
    min_p: float
    repetition_penalty: float
    presence_penalty: float


def sampled_by(temperature: float, rest: Sampling) -> SampledBy:
    """What a recipe says."""
    return {
        "temperature": temperature,
        "top_p": rest.top_p,
        "top_k": rest.top_k,
        "min_p": rest.min_p,
        "repetition_penalty": rest.repetition_penalty,
        "presence_penalty": rest.presence_penalty,
    }


def request_fields(sampling: SampledBy) -> dict[str, object]:
    """The fields of a request besides its temperature."""
    return {name: value for name, value in sampling.items() if name != "temperature"}
