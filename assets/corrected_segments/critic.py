"""The critic: each segment beside its page and its neighbours, returned as it is or corrected."""

import json
import re
from typing import Any

from assets.corrected_segments.schema import ERRORS
from resources.engine import ModelEngine
from resources.failures import AnswerUnusable
from resources.messages import Call, Image, system, user
from resources.prompts import load_prompt
from resources.words import count_words

SYSTEM = load_prompt(__file__, "system")
CORRECT = load_prompt(__file__, "correct")


async def correct_example(engine: ModelEngine, output: dict[str, Any], segments: list[dict[str, Any]],
                          ) -> list[dict[str, Any]]:
    """The corrected_segments rows of one example: its long_outputs row and its segments rows, in order.

    Each segment is corrected in the light of the corrected one before it. Raises AnswerUnusable.
    """
    corrected: list[dict[str, Any]] = []
    for segment in segments:
        before = corrected[-1]["text"] if corrected else ""
        after = segments[segment["index"] + 1]["text"] if segment["index"] + 1 < len(segments) else ""
        images = [output["images"][segment["page"] - 1]] if segment["page"] else output["images"]
        reply = await engine.ask(Call(
            role="critic", sample=output["example_id"], step=f"correct-{segment['index']:03d}",
            template=CORRECT.version, temperature=0.0, left=len(segments) - segment["index"],
            max_tokens=1024 + 6 * max(segment["words"], 200),
            messages=(system(SYSTEM.fill()), user(*map(Image, images), CORRECT.fill(
                language=output["language"], request=output["request"], before=before, segment=segment["text"],
                after=after)))))
        corrected.append(corrected_row(segment, parse_correction(reply.text), reply.model, reply.call_id))
    return corrected


def parse_correction(text: str) -> dict[str, Any]:
    """{errors, reason, text} out of the critic's answer; a fence or words around the JSON object are tolerated.

    Raises AnswerUnusable("malformed") where there is no such object.
    """
    match = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        found = json.loads(match[0]) if match else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("text"), str) or not found["text"].strip():
        raise AnswerUnusable("malformed", f"the critic's answer is no correction: {text[:120]!r}")
    errors = [name for name in ERRORS if name in (found.get("errors") or [])]
    return {"errors": errors, "reason": str(found.get("reason") or ""), "text": found["text"].strip()}


def corrected_row(segment: dict[str, Any], correction: dict[str, Any], corrector: str, call_id: str) -> dict[str, Any]:
    """An edit without a named error counts as `incoherent`; a named error without an edit counts as unchanged."""
    edited = correction["text"] != segment["text"]
    return {
        **{name: segment[name] for name in ("segment_id", "example_id", "document_id", "index", "page")},
        "text": correction["text"], "words": count_words(correction["text"]), "edited": edited,
        "errors": (correction["errors"] or ["incoherent"]) if edited else [],
        "reason": correction["reason"], "corrector": corrector, "call_id": call_id,
    }
