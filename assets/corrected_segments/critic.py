"""The critic: each segment beside its page and its neighbours, returned as it is or corrected."""

import json
import re
from dataclasses import replace
from typing import Any

from assets.corrected_segments.schema import ERRORS
from resources.engine import ModelEngine, Reply
from resources.failures import AnswerError
from resources.messages import Call, Image, assistant, system, user
from resources.prompts import load_prompt
from resources.text.headings import has_page_heading, page_heading
from resources.text.words import count_words

SYSTEM = load_prompt(__file__, "system")
CORRECT = load_prompt(__file__, "correct")
CORRECT_AGAIN = load_prompt(__file__, "correct_again")
# What a server with structured output is held to.
CORRECTION_FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "correction",
        "strict": True,
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["errors", "reason", "text"],
            "properties": {
                "errors": {"type": "array", "items": {"type": "string", "enum": list(ERRORS)}},
                "reason": {"type": "string"},
                "text": {"type": "string"},
            },
        },
    },
}


async def correct_example(
    engine: ModelEngine,
    output: dict[str, Any],
    segments: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """The corrected_segments rows of one example: its long_outputs row and its segments rows, in order.

    Each segment is corrected in the light of the corrected one before it. Raises AnswerError.
    """
    corrected: list[dict[str, Any]] = []
    for segment in segments:
        before = corrected[-1]["text"] if corrected else ""
        after = segments[segment["index"] + 1]["text"] if segment["index"] + 1 < len(segments) else ""
        images = [output["images"][segment["page"] - 1]] if segment["page"] else output["images"]
        correction, reply = await ask_critic(
            engine,
            Call(
                role="critic",
                sample=output["example_id"],
                step=f"correct-{segment['index']:03d}",
                template=CORRECT.version,
                temperature=0.0,
                left=len(segments) - segment["index"],
                max_tokens=1024 + 6 * max(segment["words"], 200),
                extra={"response_format": CORRECTION_FORMAT},
                messages=(
                    system(SYSTEM.fill()),
                    user(
                        *map(Image, images),
                        CORRECT.fill(
                            language=output["language"],
                            request=output["request"],
                            before=before,
                            segment=segment["text"],
                            after=after,
                        ),
                    ),
                ),
            ),
        )
        if output["kind"] == "deck" and correction["text"] != segment["text"]:
            correction["text"] = with_page_heading(correction["text"], segment["page"], output["language"])
        corrected.append(corrected_row(segment, correction, reply.model, reply.call_id))
    return corrected


async def ask_critic(engine: ModelEngine, call: Call) -> tuple[dict[str, Any], Reply]:
    """The correction, and the reply that it came with; an answer without one is sent back once with what is wrong."""
    reply = await engine.ask(call)
    try:
        return parse_correction(reply.text), reply
    except AnswerError as error:
        again = replace(
            call,
            step=f"{call.step}-again",
            template=CORRECT_AGAIN.version,
            messages=(*call.messages, assistant(reply.text), user(CORRECT_AGAIN.fill(problem=error))),
        )
    reply = await engine.ask(again)
    return parse_correction(reply.text), reply


def parse_correction(text: str) -> dict[str, Any]:
    """{errors, reason, text} out of the critic's answer; a fence or words around the JSON object are tolerated.

    Raises AnswerError("malformed"), whose sentence the critic is told.
    """
    match = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        found = json.loads(match[0], strict=False) if match else None  # raw line ends inside a text are tolerated
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise AnswerError("malformed", f"there is no JSON object in {text[:120]!r}")
    if not isinstance(found.get("text"), str) or not found["text"].strip():
        raise AnswerError("malformed", 'its "text" is missing or empty')
    named = found.get("errors") or []
    if not isinstance(named, list):
        raise AnswerError("malformed", f'its "errors" is no list of {", ".join(ERRORS)}')
    return {
        "errors": [name for name in ERRORS if name in named],
        "reason": str(found.get("reason") or ""),
        "text": found["text"].strip(),
    }


def with_page_heading(text: str, page: int, language: str) -> str:
    """A page keeps its heading, so that the corrected deck can be cut into its pages again."""
    return text if has_page_heading(text) else f"## {page_heading(page, language)}\n\n{text}"


def corrected_row(segment: dict[str, Any], correction: dict[str, Any], corrector: str, call_id: str) -> dict[str, Any]:
    """An edit without a named error counts as `incoherent`; a named error without an edit counts as unchanged."""
    edited = correction["text"] != segment["text"]
    return {
        **{name: segment[name] for name in ("segment_id", "example_id", "document_id", "index", "page")},
        "original": segment["text"],
        "text": correction["text"],
        "words": count_words(correction["text"]),
        "edited": edited,
        "errors": (correction["errors"] or ["incoherent"]) if edited else [],
        "reason": correction["reason"],
        "corrector": corrector,
        "call_id": call_id,
    }
