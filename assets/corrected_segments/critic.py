"""The critic: each segment beside its page and its neighbours, returned as it is or corrected."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypedDict

from assets.corrected_segments.schema import ERRORS, CorrectedSegment
from assets.long_outputs.schema import LongOutput
from assets.segments.schema import Segment
from resources.engine import ModelEngine, Reply
from resources.failures import AnswerError, about_image
from resources.messages import Call, Image, assistant, system, user
from resources.prompts import load_prompt
from resources.structured_output import json_format, json_line, json_list
from resources.text.headings import has_page_heading, page_heading
from resources.text.json_objects import json_objects
from resources.text.manners import clean_correction
from resources.text.thoughts import without_thoughts
from resources.text.typography import same_but_for_typography
from resources.text.words import count_words

SYSTEM = load_prompt(__file__, "system")
CORRECT = load_prompt(__file__, "correct")
CORRECT_AGAIN = load_prompt(__file__, "correct_again")
CORRECTION_FORMAT = json_format(
    "correction",
    errors=json_list({"type": "string", "enum": list(ERRORS)}, 0, len(ERRORS)),
    reason=json_line(300),
    text={"type": "string"},  # of several paragraphs: bounded by max_tokens
)


class Correction(TypedDict):
    """What the critic says of a segment. errors: of ERRORS; text: the corrected segment, stripped, never empty."""

    errors: list[str]
    reason: str
    text: str


class Criticised(NamedTuple):
    """A correction, and the reply that it was read from."""

    correction: Correction
    reply: Reply


async def correct_example(
    engine: ModelEngine, output: LongOutput, segments: Sequence[Segment]
) -> list[CorrectedSegment]:
    """The corrected_segments rows of one example: its long_outputs row and its segments rows, in order.

    The critic sees the corrected text of the segment before. Raises AnswerError.
    """
    corrected: list[CorrectedSegment] = []
    for segment in segments:
        before = corrected[-1]["text"] if corrected else ""
        after = segments[segment["index"] + 1]["text"] if segment["index"] + 1 < len(segments) else ""
        images = [output["images"][segment["page"] - 1]] if segment["page"] else output["images"]
        call = Call(
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
        )
        with about_image(segment["page"]):
            correction, reply = await ask_critic(engine, call)
        correction["text"] = corrected_text(correction["text"], segment["text"])
        page = segment["page"]  # of a deck's segment never None
        if output["kind"] == "deck" and page is not None and correction["text"] != segment["text"]:
            correction["text"] = with_page_heading(correction["text"], page, output["language"])
        corrected.append(corrected_row(segment, correction, reply.model, reply.call_id))
    return corrected


async def ask_critic(engine: ModelEngine, call: Call) -> Criticised:
    """An empty or cut answer is asked for once more; one without a correction is sent back once with what is wrong.

    Raises AnswerError.
    """
    reply = await engine.ask_whole(call)
    try:
        return Criticised(parse_correction(reply.text), reply)
    except AnswerError as error:
        again = replace(
            call,
            step=f"{call.step}-again",
            template=CORRECT_AGAIN.version,
            messages=(*call.messages, assistant(reply.text), user(CORRECT_AGAIN.fill(problem=error))),
        )
    reply = await engine.ask_whole(again)
    return Criticised(parse_correction(reply.text), reply)


def parse_correction(text: str) -> Correction:
    """The correction in the critic's answer: the last JSON object that has a text, whatever stands around it.

    Raises AnswerError("malformed"), whose sentence the critic is told.
    """
    objects = list(json_objects(text))
    if not objects:
        raise AnswerError("malformed", f"there is no JSON object in {text[:120]!r}")
    found = next((each for each in objects if isinstance(each.get("text"), str)), objects[0])
    corrected = found.get("text")
    if not isinstance(corrected, str) or not corrected.strip():
        raise AnswerError("malformed", 'its "text" is missing or empty')
    named = found.get("errors") or []
    if not isinstance(named, list):
        raise AnswerError("malformed", f'its "errors" is no list of {", ".join(ERRORS)}')
    return {
        "errors": [name for name in ERRORS if name in named],
        "reason": str(found.get("reason") or ""),
        "text": corrected.strip(),
    }


def with_page_heading(text: str, page: int, language: str) -> str:
    """A page keeps its heading, so that the corrected deck can be cut into its pages again."""
    return text if has_page_heading(text) else f"## {page_heading(page, language)}\n\n{text}"


def corrected_text(text: str, original: str) -> str:
    """What the critic gave without what it said around it; the original itself where they differ in typography alone,
    from which a student would learn nothing."""
    text = clean_correction(text, original)
    return original if same_but_for_typography(text, original) else text


def corrected_row(segment: Segment, correction: Correction, corrector: str, call_id: str) -> CorrectedSegment:
    """An edit without a named error counts as `incoherent`; a named error without an edit counts as unchanged."""
    edited = correction["text"] != segment["text"]
    return {
        "segment_id": segment["segment_id"],
        "example_id": segment["example_id"],
        "document_id": segment["document_id"],
        "index": segment["index"],
        "page": segment["page"],
        "original": segment["text"],
        "text": correction["text"],
        "words": count_words(correction["text"]),
        "edited": edited,
        "errors": (correction["errors"] or ["incoherent"]) if edited else [],
        "reason": without_thoughts(correction["reason"]).text,
        "corrector": corrector,
        "call_id": call_id,
        "decision_id": None,
        "critic": None,
    }
