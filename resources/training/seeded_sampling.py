"""Sampling a batch so that each text is drawn as if it were alone: by a seed of its own.

A draw from softmax(scores) is the argmax of scores + Gumbel noise. The noise of a row comes from that row's generator
alone, a vector a token, so neither the other rows nor their number change it.
"""

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from resources.sampling import SampledBy


class PresencePenalty(LogitsProcessor):
    """What a row has written already is less likely by `penalty`; its prompt, `prompt` tokens, does not count."""

    def __init__(self, penalty: float, prompt: int) -> None:
        self._penalty, self._prompt = penalty, prompt

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """input_ids [rows, tokens], scores [rows, vocabulary]."""
        seen = torch.zeros_like(scores, dtype=torch.bool).scatter(1, input_ids[:, self._prompt :], True)
        return torch.where(seen, scores - self._penalty, scores)  # type: ignore[return-value]


class SeededGumbel(LogitsProcessor):
    """The last of all: after it the largest score of a row is its draw. seeds: one a row."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """scores [rows, vocabulary], -inf where a token may not be drawn."""
        uniform = torch.stack([torch.rand(scores.shape[1], generator=each) for each in self._generators])
        noise = -torch.log(-torch.log(uniform.clamp_(1e-20, 1 - 1e-7)))
        return scores.float() + noise.to(scores.device)  # type: ignore[return-value]


class OwnLimits(StoppingCriteria):
    """A row ends at its own limit. limits: tokens of each row's answer; prompt: tokens before it."""

    def __init__(self, limits: Sequence[int], prompt: int) -> None:
        self._limits, self._prompt = limits, prompt

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **kwargs: object) -> torch.BoolTensor:
        """[rows]: which of them end."""
        written = input_ids.shape[1] - self._prompt
        return torch.tensor([written >= limit for limit in self._limits], device=input_ids.device)  # type: ignore[return-value]


def seeded_sampling(sampling: SampledBy, seeds: Sequence[int], prompt: int) -> LogitsProcessorList:
    """For `generate(do_sample=False)`, in vLLM's order: penalties, temperature, what may be drawn, the draw."""
    found = LogitsProcessorList()
    if sampling["repetition_penalty"] != 1:
        found.append(RepetitionPenaltyLogitsProcessor(sampling["repetition_penalty"]))
    if sampling["presence_penalty"]:
        found.append(PresencePenalty(sampling["presence_penalty"], prompt))
    found.append(TemperatureLogitsWarper(sampling["temperature"]))
    if sampling["top_k"]:
        found.append(TopKLogitsWarper(sampling["top_k"]))
    if sampling["top_p"] < 1:
        found.append(TopPLogitsWarper(sampling["top_p"]))
    if sampling["min_p"]:
        found.append(MinPLogitsWarper(sampling["min_p"]))
    found.append(SeededGumbel(seeds))
    return found
