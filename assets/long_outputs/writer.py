"""Plan and write: one plan, then section after section, each one given everything that was written before it.

A section that misses its length, loops, repeats, or is in the wrong language is rewritten once; see `control`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from assets.instructions.schema import Instruction
from assets.long_outputs.back_translation import state_length
from assets.long_outputs.control import LEAST_WORDS, Fault, better, find_fault, unusable
from assets.long_outputs.conversation import Answered, Conversation, Order, Turn, section_room, spent
from assets.long_outputs.outline import (
    PlanError,
    PlannedSection,
    check_plan,
    plan_format,
    plan_room,
    scale_plan,
    with_pages,
)
from assets.long_outputs.plan_reader import parse_plan
from assets.long_outputs.schema import LongOutput, Section
from resources.engine import ModelEngine
from resources.failures import AnswerError, about_image
from resources.prompts import Prompt, load_prompt
from resources.recipe.model import Writing
from resources.text.headings import SEPARATOR, page_heading, under_heading, without_heading
from resources.text.length_score import length_score
from resources.text.manners import clean_section
from resources.text.repetition import cut_loop, runs
from resources.text.thoughts import without_thoughts
from resources.text.words import count_words

PLAN = load_prompt(__file__, "plan")
CORRECT_PLAN = load_prompt(__file__, "correct_plan")
WRITE = load_prompt(__file__, "write")
REWRITE = load_prompt(__file__, "rewrite")


class Plan(NamedTuple):
    """The sections to write, and the ledger key of the call that planned them."""

    sections: list[PlannedSection]
    call_id: str


async def write_document(
    engine: ModelEngine,
    example: Instruction,
    recipe: Writing,
    order: Order = "append",
) -> LongOutput:
    """The long_outputs row of one instructions row (docs/method.md 2.1: p(y_i | v, x, o_i, y_<i)).

    Raises AnswerError where the plan or a section cannot be used.
    """
    talk = Conversation(engine, example, recipe, order)
    plan = await make_plan(talk)
    sections = list[Section]()
    for section in plan.sections:
        with about_image(section.pages[0] if len(section.pages) == 1 else None):
            sections.append(await write_section(talk, section, len(plan.sections)))
    row = output_row(talk, sections, plan.call_id)
    if row["words"] < LEAST_WORDS:
        raise AnswerError("short", f"the whole text has {row['words']} words: {row['output'][:120]!r}")
    return await state_length(talk, row) if example["length_from"] == "back_translated" else row


async def make_plan(talk: Conversation) -> Plan:
    """A bad plan is sent back once with what is wrong; where words alone are still wrong, they are scaled.

    Raises AnswerError where the second one cannot be used either.
    """
    example, recipe = talk.example, talk.recipe
    pages, total = len(example["images"]), example["target_words"]
    deck = example["kind"] == "deck"
    prompt = PLAN.fill(
        pages=pages,
        language=example["language"],
        total_words=total,
        section_rule="one per page" if deck else str(sections_for(total, recipe)),
    )
    most = pages if deck else most_planned(total, pages, recipe)
    room, form = plan_room(most, pages), plan_format(pages, total, deck, most)
    text, call_id = await talk.ask("plan", PLAN, prompt, room, response_format=form)
    plan = with_pages(parse_plan(text), pages, deck)
    try:
        check_plan(plan, pages, total, deck, recipe.most_sections)
    except PlanError as first:
        talk.repairs["plan_corrected"] += 1
        bad = Turn(prompt, text)
        text, call_id = await talk.ask(
            "plan-corrected",
            CORRECT_PLAN,
            CORRECT_PLAN.fill(problem=first),
            room,
            more=(bad,),
            response_format=form,
        )
        plan = with_pages(parse_plan(text), pages, deck)
        try:
            check_plan(plan, pages, total, deck, recipe.most_sections)
        except PlanError as error:
            if not error.only_words:
                raise AnswerError("malformed", f"the plan cannot be used: {error}") from error
            talk.repairs["plan_scaled"] += 1
            plan = scale_plan(plan, total)
    talk.turns = [Turn(prompt, text)]  # the sections never see a plan that was sent back
    return Plan(plan, call_id)


def sections_for(total: int, recipe: Writing) -> int:
    """How many sections a text that is no deck has: section_words each, longer ones where they would be too many."""
    return max(1, min(recipe.most_sections, round(total / recipe.section_words)))


def most_planned(total: int, pages: int, recipe: Writing) -> int:
    """How many sections the plan of a text that is no deck may have: twice those that are asked for, within the recipe,
    and one a page in any case."""
    return max(pages, min(recipe.most_sections, 2 * sections_for(total, recipe)))


async def write_section(talk: Conversation, section: PlannedSection, count: int) -> Section:
    """One section of `count`; it becomes a turn of the conversation. Raises AnswerError where it cannot be used."""
    example, recipe, heading = talk.example, talk.recipe, section_heading(talk.example, section)
    slots = {
        "index": section.index,
        "count": count,
        "language": example["language"],
        "point": section.point,
        "words": section.words,
        "pages": ", ".join(map(str, section.pages)),
        "heading": heading,
    }
    name, left = f"section-{section.index:03d}", count - section.index + 1
    prompt = WRITE.fill(slots)

    async def attempt(name: str, template: Prompt, said: str, more: tuple[Turn, ...] = ()) -> Answered:
        answer = await talk.ask(name, template, said, section_room(section.words), left, more)
        body = clean_section(answer.text, heading)
        talk.repairs["cleaned"] += body != answer.text.strip()
        return Answered(under_heading(body, heading), answer.call_id)

    def fault_of(text: str) -> Fault | None:
        return find_fault(text, section.words, example["language"], talk.runs, recipe)

    text, call_id = await attempt(name, WRITE, prompt)
    if fault := fault_of(text):
        talk.repairs[f"rewritten_{fault.kind}"] += 1
        try:
            second, second_id = await attempt(
                f"{name}-rewritten", REWRITE, REWRITE.fill(slots, problem=fault.says), (Turn(prompt, text),)
            )
        except AnswerError:
            talk.repairs["rewrite_failed"] += 1  # the first attempt is kept
        else:
            again = fault_of(second)
            if better(text, second, (fault, again), section.words):
                text, call_id, fault = second, second_id, again
        if fault and fault.kind == "loop":
            talk.repairs["loop_cut"] += 1
            text = under_heading(cut_loop(without_heading(text)), heading)
            fault = fault_of(text)
        if why := unusable(text, fault, section.words):
            assert fault is not None
            raise AnswerError(why, f"{name} was asked for twice and cannot be used: {fault.says}")
        talk.repairs["off_band"] += fault is not None
    talk.turns.append(Turn(prompt, text))
    talk.runs |= runs(without_heading(text))
    return {
        "index": section.index - 1,
        "heading": heading,
        "target_words": section.words,
        "text": text,
        "words": count_words(text),
        "pages": list(section.pages),
        "call_id": call_id,
    }


def section_heading(example: Instruction, section: PlannedSection) -> str:
    """`Slide k` for a deck (pages stay apart in the text, docs/method.md 2.4), else the main point, cut short."""
    if example["kind"] == "deck":
        return page_heading(section.index, example["language"])
    point = " ".join(without_thoughts(section.point).text.replace("#", "").split()).rstrip(" .。;；,，")
    return point if len(point) <= 80 else point[:77].rsplit(" ", 1)[0].rstrip(" ,;") + "…"


def output_row(talk: Conversation, sections: Sequence[Section], plan_call: str) -> LongOutput:
    """The long_outputs row of what the conversation wrote; plan_call: ledger key of the plan's call."""
    output = SEPARATOR.join(section["text"] for section in sections)
    example, took = talk.example, spent(talk)
    words, required = count_words(output), example["required_words"]
    return {
        "example_id": example["example_id"],
        "document_id": example["document_id"],
        "documents": example["documents"],
        "kind": example["kind"],
        "split": example["split"],
        "language": example["language"],
        "images": example["images"],
        "task": example["task"],
        "request": example["request"],
        "instruction": example["instruction"],
        "output": output,
        "sections": list(sections),
        "plan_call_id": plan_call,
        "words": words,
        "required_words": required,
        "target_words": example["target_words"],
        "length_from": example["length_from"],
        "repairs": sorted(talk.repairs.elements()),
        "length_score": length_score(words, required) if required else None,
        "prompt_tokens": took.prompt_tokens,
        "cached_tokens": took.cached_tokens,
        "completion_tokens": took.completion_tokens,
        "cost_usd": took.cost_usd,
        "author": talk.replies[-1].model,
    }
