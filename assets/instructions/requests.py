"""What is asked of each example: fixed requests for decks, for images ones of the teacher (docs/method.md 1.1)."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from assets.instructions.lengths import length_from, pick, stated_words, target_words
from assets.instructions.materials import Material, draw
from assets.instructions.schema import Instruction, LengthFrom
from resources.engine import ModelEngine, Reply
from resources.failures import AnswerError
from resources.messages import Call, Image, system, user
from resources.prompts import Prompt, load_prompt
from resources.recipe.model import Recipe
from resources.structured_output import json_format, json_line
from resources.text.echo import echoes, has_words
from resources.text.json_objects import json_objects
from resources.text.manners import clean_request
from resources.text.refusals import is_refusal

TASKS = tomllib.loads((Path(__file__).parent / "tasks.toml").read_text(encoding="utf-8"))
SYSTEM = load_prompt(__file__, "system")
SINGLE, REWRITE, REWRITE_DECK, NEED_LONG = (
    load_prompt(__file__, name) for name in ("single", "rewrite", "rewrite_deck", "need_long")
)
PROMPT_MARK = re.compile(
    r"# Step:|</?request>|\bStep: (?:request|rewrite|decide)\b"
)  # of the prompts, never of a request
LONG_WORDS = 1000  # a long article has more words (English) or characters (Chinese)
LEAST_CHARACTERS, MOST_CHARACTERS = 5, 3900  # of a request; `请写影评。` is one

NEED_LONG_FORMAT = json_format(
    "decision", relevant={"type": "boolean"}, long={"type": "boolean"}, reason=json_line(300)
)


@dataclass(frozen=True)
class Request:
    """What is asked, without any length that we add. author: `fixed`, or the model that wrote it."""

    text: str
    task: str
    origin: str
    author: str = "fixed"
    call_id: str | None = None


class Decision(NamedTuple):
    """Whether an image has to do with a request, and the request needs a long text; `reason` may be empty."""

    relevant: bool
    long: bool
    reason: str


async def write_instruction(engine: ModelEngine, material: Material, recipe: Recipe) -> Instruction:
    """The instructions row of one example.

    Raises AnswerError where the teacher gives no request, or finds that it needs no long text (not_long), that the
    image has nothing to do with it (irrelevant), or where it asks for more than the recipe allows (too_long).
    """
    request = await (_deck_request if material.kind == "deck" else _image_request)(engine, material, recipe)
    if not LEAST_CHARACTERS <= len(request.text) <= MOST_CHARACTERS:
        raise AnswerError(
            "malformed",
            f"the request has {len(request.text):,} characters, not {LEAST_CHARACTERS} "
            f"to {MOST_CHARACTERS:,}: {request.text[:120]!r}",
        )
    named = stated_words(request.text)
    words = named or target_words(material, recipe.instructions)
    if words > recipe.writing.most_words:
        raise AnswerError(
            "too_long",
            f"the request asks for {words:,} words, more than the recipe's most_words, {recipe.writing.most_words:,}",
        )
    how: LengthFrom = "stated" if named else length_from(material, recipe.instructions)
    clause = TASKS["length"][material.language].format(words=words) if how == "stated" and not named else ""
    return {
        "example_id": material.example_id,
        "document_id": material.document_id,
        "documents": list(material.documents),
        "kind": material.kind,
        "split": material.split,
        "language": material.language,
        "images": list(material.images),
        "pages": list(material.pages),
        "request": request.text,
        "instruction": f"{request.text} {clause}".strip(),
        "required_words": words if how == "stated" else None,
        "target_words": words,
        "length_from": how,
        "task": request.task,
        "origin": request.origin,
        "author": request.author,
        "call_id": request.call_id,
    }


async def _deck_request(engine: ModelEngine, material: Material, recipe: Recipe) -> Request:
    """The lecture script for most decks, else another task, which the teacher rewrites for some of them."""
    rules, language = recipe.instructions, material.language
    others = [task for task in rules.deck_tasks if task != "lecture_script"]
    lecture = "lecture_script" in rules.deck_tasks and (
        not others or draw(material.document_id, "task") < rules.lecture_share
    )
    task = "lecture_script" if lecture else pick(others, material, "deck task")
    text = TASKS["decks"][task][language]
    where = ""
    if material.part[1] > 1:
        where = TASKS["chapter"][language].format(
            first=material.pages[0],
            last=material.pages[-1],
            pages=material.deck_pages,
            number=material.part[0],
            parts=material.part[1],
        )
    joint = "" if language == "zh" else " "
    if lecture or draw(material.document_id, "rewritten") >= rules.rewritten_share:
        return Request(joint.join(filter(None, (text, where))), task, "deck")
    reply = await _ask(engine, material, "rewrite", REWRITE_DECK, material.images, language=language, request=text)
    return Request(
        joint.join(filter(None, (read_request(reply.text, REWRITE_DECK), where))),
        task,
        "deck_rewritten",
        reply.model,
        reply.call_id,
    )


async def _image_request(engine: ModelEngine, material: Material, recipe: Recipe) -> Request:
    """The teacher's request for the first image; rewritten for all of them; kept only if it needs a long text."""
    families = recipe.instructions.families
    chosen = families.get(material.collection, families.get("*", ()))
    family = pick(chosen, material, "family") if chosen else None
    wanted = TASKS["families"][family][material.language] if family else "a long article"
    # Under the document's id, so that an image alone and the same image in a group share one call.
    reply = await _ask(
        engine,
        replace(material, example_id=material.document_id),
        "request",
        SINGLE,
        material.images[:1],
        language=material.language,
        wanted=wanted,
    )
    origin, text = "single", read_request(reply.text, SINGLE)
    if material.kind == "multi":
        origin = "group" if len(material.documents) > 1 else "multi"
        reply = await _ask(
            engine,
            material,
            "rewrite",
            REWRITE,
            material.images,
            language=material.language,
            wanted=wanted,
            request=text,
            count=len(material.images),
        )
        text = read_request(reply.text, REWRITE)
    request = Request(text, family or "open", origin, reply.model, reply.call_id)
    if recipe.instructions.need_long and material.kind == "single":
        await _require_long(engine, material, request.text)
    return request


async def _require_long(engine: ModelEngine, material: Material, request: str) -> None:
    """The teacher's decision (docs/method.md 1.1, the GPT-4o check); raises AnswerError where it is no."""
    reply = await _ask(
        engine, material, "need-long", NEED_LONG, material.images, NEED_LONG_FORMAT, request=request, words=LONG_WORDS
    )
    decision = parse_decision(reply.text)
    if decision is None:
        raise AnswerError("malformed", f"the teacher's decision is none: {reply.text[:120]!r}")
    if not decision.relevant:
        raise AnswerError("irrelevant", f"the image has nothing to do with the request: {decision.reason}")
    if not decision.long:
        raise AnswerError("not_long", f"the request needs no long text: {decision.reason}")


def parse_decision(text: str) -> Decision | None:
    """A decision out of JSON, with words around it or not, or of a plain yes or no; None: neither."""
    for found in json_objects(text):
        if isinstance(long := found.get("long"), bool):
            relevant = found.get("relevant", True)
            return Decision(relevant, long, str(found.get("reason") or "")) if isinstance(relevant, bool) else None
    word = re.match(r"\W*(?:(yes|是|需要)|no|不|否)(?![a-z])", text.strip(), re.IGNORECASE)
    return Decision(True, word[1] is not None, "") if word else None


def read_request(answer: str, prompt: Prompt) -> str:
    """The request in a teacher's answer to `prompt`, on one line, without what a chat model says around it.

    Raises AnswerError where the answer is a refusal, has no words, or is the prompt once more.
    """
    text = " ".join(clean_request(answer).split())
    if is_refusal(text):
        raise AnswerError("refused", f"the teacher refused: {text[:200]}")
    if not has_words(text):
        raise AnswerError("malformed", f"the request has no words: {answer[:120]!r}")
    if PROMPT_MARK.search(text) or echoes(text, (prompt.text, SYSTEM.text)):
        raise AnswerError("malformed", f"the request is the prompt that asked for it: {text[:120]!r}")
    return text


async def _ask(
    engine: ModelEngine,
    material: Material,
    step: str,
    prompt: Prompt,
    images: tuple[str, ...],
    response_format: Mapping[str, object] | None = None,
    **slots: object,
) -> Reply:
    return await engine.ask_whole(
        Call(
            role="teacher",
            sample=material.example_id,
            step=step,
            template=prompt.version,
            max_tokens=400,
            messages=(system(SYSTEM.fill()), user(*map(Image, images), prompt.fill(slots))),
            extra={"response_format": response_format} if response_format else {},
        )
    )
