"""What writing a shard will take, before the first call: calls, tokens, money and time, and what cannot fit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from assets.instructions.schema import Instruction
from assets.long_outputs.context_need import (
    Context,
    expected_vision,
    least_need,
    least_vision,
    section_count,
    why_not,
)
from assets.long_outputs.writer import WRITE
from resources.endpoints import Endpoint
from resources.engine import ModelEngine
from resources.engine.known_models import KnownModel, known
from resources.engine.money import Price
from resources.engine.progress import duration
from resources.engine.server_facts import ServerFacts
from resources.recipe.model import Writing
from resources.text.shown import number_of
from resources.text.tokens import EXPECTED_PER_WORD

RULES_TOKENS = 400  # system, rules and request of the opening turn
STEP_TOKENS = 100  # what asks for one section
PLAN_LINE_TOKENS = 45  # a section's line in the plan (docs/engine.md)
# Of a teacher that misbehaves on purpose (bench/recipe/CONTROL.md): 21 of 200 plans, 565 of about 1,600 sections.
PLANS_TWICE, SECTIONS_TWICE = 0.1, 0.35
THOUGHT_TOKENS = 1_000  # an assumption: of a call to a model that thinks, where no setting says how much room it has


class Load(NamedTuple):
    """Calls and tokens. prompt counts the cached ones; cached is what a prefix cache can serve."""

    calls: float = 0
    prompt: float = 0
    cached: float = 0
    completion: float = 0

    def plus(self, more: "Load", share: float = 1) -> "Load":
        """With a share of another load on top."""
        return Load(*(part + share * other for part, other in zip(self, more, strict=True)))

    def cost(self, price: Price, cache: bool = True) -> float:
        """US dollars, with a prefix cache or without."""
        return price.of(round(self.prompt), round(self.cached) if cache else 0, round(self.completion))


@dataclass(frozen=True)
class Forecast:
    """low: every plan and section is good at once. high: as many are asked for twice as with a teacher that misbehaves
    on purpose, and each call thinks, where the model can: as much as LWV_<ROLE>_REASONING_TOKENS gives room for, else
    THOUGHT_TOKENS.

    price: None where it is not known. seconds: of low and of high; None where the speed of the model's earlier calls is
    not known. misfits: example_id -> why it cannot fit into the model's context; these are in no other number.
    """

    documents: int
    low: Load
    high: Load
    price: Price | None
    seconds: tuple[float, float] | None
    misfits: Mapping[str, str] = field(default_factory=dict)
    context: Context | None = None

    @property
    def calls(self) -> int:
        """As many as are expected, for the time that is left."""
        return round(self.low.calls)

    def __str__(self) -> str:
        low, high = self.low, self.high
        cached = f"{low.cached:,.0f} to {high.cached:,.0f} of them cached where the server can"
        parts = [
            number_of(self.documents, "document"),
            f"{low.calls:,.0f} to {high.calls:,.0f} calls",
            f"{low.prompt:,.0f} to {high.prompt:,.0f} prompt tokens ({cached})",
            f"{low.completion:,.0f} to {high.completion:,.0f} completion tokens",
            self._dollars(),
            f"about {duration(self.seconds[0])} to {duration(self.seconds[1])}"
            if self.seconds
            else "no speed known yet",
        ]
        if self.misfits and self.context:
            parts.append(
                f"{len(self.misfits)} more do not fit the context of {self.context.tokens:,} tokens "
                f"({self.context.source}) and go to quarantine"
            )
        return ", ".join(parts)

    def _dollars(self) -> str:
        if self.price is None:
            return "no price known"
        low, high, dear = self.low.cost(self.price), self.high.cost(self.price), self.high.cost(self.price, cache=False)
        return f"${low:.2f} to ${high:.2f}" + (f" (${dear:.2f} where nothing is cached)" if dear > high else "")


def forecast_writing(
    examples: Sequence[Instruction],
    image_size: Callable[[str], tuple[int, int]],
    engine: ModelEngine,
    recipe: Writing,
    facts: ServerFacts,
) -> Forecast:
    """For instructions rows as if none had been written before. image_size: sha256 -> (width, height), pixels.

    facts: what the teacher's server says of its model. An example with a section in the ledger is never a misfit: it
    was written before, and what is answered costs nothing.
    """
    endpoint = engine.endpoints["teacher"]
    listed = None if endpoint.embedded else known(endpoint.model, endpoint.base_url)
    context = context_of(endpoint, facts, listed)
    sizes = {image: image_size(image) for example in examples for image in example["images"]}
    misfits = {}
    for example in examples:
        vision = least_vision(endpoint.model, [sizes[image] for image in example["images"]])
        if why := why_not(example, least_need(example, vision, recipe), context, endpoint.model):
            misfits[example["example_id"]] = why
    if misfits:
        for used in engine.ledger.usage():
            if (used.role, used.model, used.template) == ("teacher", endpoint.model, WRITE.version):
                misfits.pop(used.sample, None)
    return forecast(
        [example for example in examples if example["example_id"] not in misfits],
        lambda images: expected_vision(endpoint.model, [sizes[image] for image in images]),
        engine.price("teacher") or (Price(*facts.price) if facts.price else None),
        engine.ledger.tokens_per_second(endpoint.model),
        endpoint.concurrency * len(endpoint.urls),
        recipe,
        endpoint.wire.reasoning_tokens or (THOUGHT_TOKENS if listed and listed.reasoning else 0),
        misfits,
        context,
    )


def context_of(endpoint: Endpoint, facts: ServerFacts, listed: KnownModel | None) -> Context | None:
    """The server's word, else the table's."""
    if facts.context:
        return Context(facts.context, f"{endpoint.base_url} says")
    return Context(listed.context, "the table of known models") if listed and listed.context else None


def forecast(
    examples: Sequence[Instruction],
    vision: Callable[[Sequence[str]], int],
    price: Price | None,
    speed: float | None,
    slots: int,
    recipe: Writing,
    thoughts: int = 0,
    misfits: Mapping[str, str] | None = None,
    context: Context | None = None,
) -> Forecast:
    """vision: sha256 of images -> their tokens. speed: completion tokens/s of one slot, time to first token included.
    thoughts: tokens of a call that thinks; 0: the model does not."""
    loads = [loads_of(example, vision(example["images"]), recipe, thoughts) for example in examples]
    totals, seconds = [], []
    for side in zip(*loads, strict=True) if loads else ((), ()):
        total = Load()
        for load in side:
            total = total.plus(load)
        totals.append(total)
        longest = max((load.completion for load in side), default=0)  # one chain: more slots do not help it
        seconds.append(max(total.completion / slots, longest) / speed if speed else 0.0)
    return Forecast(
        len(examples),
        totals[0],
        totals[1],
        price,
        (seconds[0], seconds[1]) if speed else None,
        misfits or {},
        context,
    )


def loads_of(example: Instruction, vision: int, recipe: Writing, thoughts: int) -> tuple[Load, Load]:
    """(low, high) of one example. vision: tokens of its images."""
    sections = section_count(example, recipe)
    section = round(EXPECTED_PER_WORD * example["target_words"] / sections)
    low, repairs, so_far = Load(), Load(), RULES_TOKENS + vision
    for index, answer in enumerate([PLAN_LINE_TOKENS * sections, *[section] * sections]):
        sent = so_far + STEP_TOKENS  # each call sends everything before it again
        low = low.plus(Load(1, sent, so_far if index else 0, answer))
        second = Load(1, sent + answer + STEP_TOKENS, sent, answer)
        repairs = repairs.plus(second, SECTIONS_TWICE if index else PLANS_TWICE)
        so_far = sent + answer
    if example["length_from"] == "back_translated":
        low = low.plus(Load(1))
    high = low.plus(repairs)
    return low, high.plus(Load(completion=thoughts), high.calls)
