"""What writing a shard will take, before the first call: calls, tokens, money and time, without repairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assets.instructions.schema import Instruction
from assets.long_outputs.writer import sections_for
from resources.engine import ModelEngine
from resources.engine.money import Price
from resources.engine.progress import duration
from resources.recipe.model import Writing
from resources.text.tokens import EXPECTED_PER_WORD

RULES_TOKENS = 400  # system, rules and request of the opening turn
STEP_TOKENS = 100  # what asks for one section
PLAN_LINE_TOKENS = 45  # a section's line in the plan (docs/engine.md)
PATCH = 28  # Qwen2.5-VL: a token for 28 x 28 pixels


@dataclass(frozen=True)
class Forecast:
    """prompt_tokens count the cached ones; cached_tokens are what a prefix cache can serve. usd, seconds: None where
    the price, or the speed of the model's earlier calls, is not known."""

    documents: int
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    usd: float | None
    seconds: float | None

    def __str__(self) -> str:
        money = f"${self.usd:.2f}" if self.usd is not None else "no price known"
        time = f"about {duration(self.seconds)}" if self.seconds is not None else "no speed known yet"
        return (
            f"{self.documents} documents, about {self.calls} calls, {self.prompt_tokens:,} prompt tokens "
            f"({self.cached_tokens:,} of them cached where the server can), {self.completion_tokens:,} completion "
            f"tokens, {money}, {time}"
        )


def forecast_writing(
    examples: Sequence[Instruction],
    image_size: Callable[[str], tuple[int, int]],
    engine: ModelEngine,
    recipe: Writing,
) -> Forecast:
    """For instructions rows as if none had been written before. image_size: sha256 -> (width, height), pixels."""
    endpoint = engine.endpoints["teacher"]
    speed = engine.ledger.tokens_per_second(endpoint.model)
    return forecast(
        examples,
        lambda image: vision_tokens(*image_size(image)),
        engine.price("teacher"),
        speed,
        endpoint.concurrency * len(endpoint.urls),
        recipe,
    )


def forecast(
    examples: Sequence[Instruction],
    tokens_of: Callable[[str], int],
    price: Price | None,
    speed: float | None,
    slots: int,
    recipe: Writing,
) -> Forecast:
    """speed: completion tokens/s of one slot, time to first token included. What is asked again is not counted."""
    calls = prompt = cached = completion = 0
    longest = 0.0
    for example in examples:
        words = example["target_words"]
        sections = len(example["images"]) if example["kind"] == "deck" else sections_for(words, recipe)
        opening = RULES_TOKENS + sum(map(tokens_of, example["images"]))
        answers = [PLAN_LINE_TOKENS * sections, *[round(EXPECTED_PER_WORD * words / sections)] * sections]
        so_far = opening
        for index, answer in enumerate(answers):  # each call sends everything before it again
            prompt += so_far + STEP_TOKENS
            cached += so_far if index else 0
            so_far += STEP_TOKENS + answer
        calls += len(answers) + (example["length_from"] == "back_translated")
        completion += sum(answers)
        longest = max(longest, float(sum(answers)))
    return Forecast(
        len(examples),
        calls,
        prompt,
        cached,
        completion,
        price.of(prompt, cached, completion) if price else None,
        max(completion / slots, longest) / speed if speed else None,
    )


def vision_tokens(width: int, height: int) -> int:
    """Of one image, by Qwen2.5-VL's rule."""
    return max(1, round(width / PATCH)) * max(1, round(height / PATCH))
