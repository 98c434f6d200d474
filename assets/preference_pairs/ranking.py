"""Ranking the drafts of one example by length score and judge: the best, a clearly worse one (docs/method.md 3.3)."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assets.drafts.schema import Draft
from assets.judging.judge import Question, judge_answer, quality_score
from assets.long_outputs.schema import LongOutput
from resources.engine import ModelEngine
from resources.failures import AnswerError
from resources.text.length_score import length_score


@dataclass(frozen=True)
class Ranked:
    """A draft's text and score, 0-100. `whole`: it ended by itself and may be chosen; any other is only rejected."""

    text: str
    score: float
    whole: bool


class Sides(NamedTuple):
    """The drafts of one example that make a pair."""

    chosen: Ranked
    rejected: Ranked

    @property
    def margin(self) -> float:
        """Points between them."""
        return self.chosen.score - self.rejected.score


async def rank_drafts(engine: ModelEngine, output: LongOutput, drafts: Sequence[Draft]) -> list[Ranked]:
    """The drafts that have a text and were judged, in order: (S_l + S_q) / 2 each.

    S_l is against the stated length, or against what the plan aims at where none is stated.
    """
    asked = Question(output["example_id"], output["instruction"], output["images"])
    wanted = output["required_words"] or output["target_words"]
    found = []
    for draft in drafts:
        if draft["finish"] == "empty":
            continue
        try:
            scores = await judge_answer(engine, f"draft-{draft['sample']}", asked, draft["output"])
        except AnswerError:
            continue
        score = (length_score(draft["words"], wanted) + quality_score(scores)) / 2
        found.append(Ranked(draft["output"], score, draft["finish"] == "stop"))
    return found


def choose_sides(ranked: Sequence[Ranked], margin: float, seed: str) -> Sides | None:
    """The best whole draft, and one at random of those at least `margin` points worse.

    seed: the same example has the same draw, in any order of examples. None where no two drafts are so far apart.
    """
    best = max((draft for draft in ranked if draft.whole), key=lambda draft: draft.score, default=None)
    if best is None:
        return None
    worse = [draft for draft in ranked if draft.score < best.score and best.score - draft.score >= margin]
    return Sides(best, random.Random(seed).choice(worse)) if worse else None
