"""The judge's six dimensions for one answer, and the quality score made of them (method.md 4.1)."""

import json
import re
from typing import Any

from assets.benchmark_scores.schema import DIMENSIONS
from resources.engine import ModelEngine
from resources.failures import AnswerUnusable
from resources.messages import Call, Image, system, user
from resources.prompts import load_prompt

SYSTEM = load_prompt(__file__, "system")
JUDGE = load_prompt(__file__, "judge")


async def judge_answer(engine: ModelEngine, model: str, item: dict[str, Any], answer: str,
                       ) -> dict[str, int] | None:
    """The judge's scores (1-5 each) for `answer`; None where it refused: that is missing, never a middling 3."""
    try:
        reply = await engine.ask(Call(
            role="judge", sample=item["item_id"], step=f"judge-{model}", template=JUDGE.version, temperature=0.5,
            max_tokens=1024, messages=(system(SYSTEM.fill()), user(*map(Image, item["images"]), JUDGE.fill(
                instruction=item["instruction"], response=answer)))))
        return parse_scores(reply.text)
    except AnswerUnusable:
        return None


def parse_scores(text: str) -> dict[str, int]:
    """The six integers out of the judge's JSON; raises AnswerUnusable("malformed") unless all are there, 1 to 5."""
    match = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        found = dict(json.loads(match[0])) if match else {}
    except ValueError:
        found = {}
    scores = {name: found[name] for name in DIMENSIONS if type(found.get(name)) is int and 1 <= found[name] <= 5}
    if len(scores) < len(DIMENSIONS):
        raise AnswerUnusable("malformed", f"the judge's answer has no six scores from 1 to 5: {text[:120]!r}")
    return scores


def quality_score(scores: dict[str, int]) -> float:
    """S_q = (sum of the six - 6) * 25 / 6, 0-100."""
    return (sum(scores.values()) - 6) * 25 / 6
