"""Plan and write: one plan, then section after section, each one given everything that was written before it.

The conversation only grows (images, request, plan, section 1, …), so a server's prefix cache serves all but its end;
`order="reference"` sends the same texts as the paper's scripts do, in one turn with the images last, to compare.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from assets.long_outputs.length_score import length_score
from assets.long_outputs.outline import BadPlan, PlannedSection, check_plan, parse_plan
from resources.engine import ModelEngine, Reply
from resources.failures import AnswerUnusable
from resources.messages import Call, Image, Message, assistant, system, user
from resources.prompts import load_prompt
from resources.words import count_words

Order = Literal["append", "reference"]

SYSTEM = load_prompt(__file__, "system")
TASK = load_prompt(__file__, "task")
PLAN = load_prompt(__file__, "plan")
CORRECT_PLAN = load_prompt(__file__, "correct_plan")
WRITE = load_prompt(__file__, "write")
SECTION_WORDS = 200          # a section of anything but a deck; the method allows 200 to 1,000
AGAIN = {"refused", "empty", "truncated"}   # worth one more try with another seed, and more room where it was cut
COPIED = ("example_id", "document_id", "documents", "kind", "split", "language", "images", "task", "request",
          "instruction", "required_words", "target_words", "length_from")     # from the instructions row
TOKENS_PER_WORD = 4          # room for the longest answer: CJK text and markup included
UNSTATED_WORDS = 1000        # planned length where the instruction states none


@dataclass
class Draft:
    """A document while it is written: what was asked and answered so far, and what it cost."""

    example: dict[str, Any]
    order: Order = "append"
    turns: list[tuple[str, str]] = field(default_factory=list)   # (prompt, answer) of the plan and of each section
    replies: list[Reply] = field(default_factory=list)

    async def step(self, engine: ModelEngine, name: str, template: str, prompt: str, words: int,
                   left: int | None = None) -> Reply:
        """Ask for one step, a second time where the answer cannot be used and may differ; see `AGAIN`."""
        call = Call(role="teacher", sample=self.example["example_id"], step=name, template=template, left=left,
                    messages=self.messages(prompt), max_tokens=512 + TOKENS_PER_WORD * words)
        try:
            reply = await engine.ask(call)
        except AnswerUnusable as error:
            if error.kind not in AGAIN:
                raise
            room = 2 if error.kind == "truncated" else 1
            reply = await engine.ask(replace(call, attempt=1, seed=1, max_tokens=room * call.max_tokens))
        self.turns.append((prompt, reply.text))
        self.replies.append(reply)
        return reply

    def messages(self, prompt: str) -> tuple[Message, ...]:
        """The conversation that ends with `prompt`; its images come first, or last in the reference's order."""
        images = tuple(map(Image, self.example["images"]))
        task = TASK.fill(instruction=self.example["instruction"])
        if self.order == "reference":
            said = [text for turn in self.turns for text in turn[1:]]
            return system(SYSTEM.fill()), user(task, *said, prompt, *images)
        said = [*(text for turn in self.turns for text in turn), prompt]
        return (system(SYSTEM.fill()), user(*images, task, said[0]),
                *(assistant(text) if index % 2 else user(text) for index, text in enumerate(said) if index))


async def write_document(engine: ModelEngine, example: dict[str, Any], order: Order = "append") -> dict[str, Any]:
    """The long_outputs row of one instructions row (method.md 2.1: p(y_i | v, x, o_i, y_<i)).

    Raises AnswerUnusable where the plan or a section cannot be used.
    """
    draft = Draft(example, order)
    plan = await make_plan(engine, draft)
    sections = []
    for section in plan:
        heading = section_heading(example, section)
        reply = await draft.step(engine, f"section-{section.index:03d}", WRITE.version, WRITE.fill(
            index=section.index, count=len(plan), language=example["language"], point=section.point,
            words=section.words, pages=", ".join(map(str, section.pages)), heading=heading), section.words,
            left=len(plan) - section.index + 1)
        text = reply.text.strip()
        sections.append({"index": section.index - 1, "heading": heading, "target_words": section.words, "text": text,
                         "words": count_words(text), "pages": list(section.pages), "call_id": reply.call_id})
    return output_row(example, sections, draft.replies)


async def make_plan(engine: ModelEngine, draft: Draft) -> list[PlannedSection]:
    """Ask for the plan and check it; a bad one is sent back once with what is wrong, then given up."""
    example = draft.example
    pages, total = len(example["images"]), example["required_words"] or UNSTATED_WORDS
    deck = example["kind"] == "deck"
    rule = "one per page" if deck else str(max(1, round(total / SECTION_WORDS)))
    prompt = PLAN.fill(pages=pages, language=example["language"], total_words=total, section_rule=rule)
    name, template, asked = "plan", PLAN.version, prompt
    while True:
        reply = await draft.step(engine, name, template, asked, 60 * (pages + 10))
        plan = parse_plan(reply.text)
        try:
            check_plan(plan, pages, total, page_per_section=deck)
        except BadPlan as error:
            if name == "plan-corrected":
                raise AnswerUnusable("malformed", f"the plan by {reply.model} cannot be used: {error}") from error
            name, template, asked = "plan-corrected", CORRECT_PLAN.version, CORRECT_PLAN.fill(problem=error)
            continue
        draft.turns = [(prompt, reply.text)]    # the sections never see a plan that was sent back
        return plan


def section_heading(example: dict[str, Any], section: PlannedSection) -> str:
    """`Slide k` for a deck (pages stay recoverable from the text, method.md 2.4), else the main point, cut short."""
    if example["kind"] == "deck":
        return f"Slide {section.index}" if example["language"] == "en" else f"第{section.index}页"
    point = section.point.rstrip(" .。;；,，")
    return point if len(point) <= 80 else point[:77].rsplit(" ", 1)[0].rstrip(" ,;") + "…"


def output_row(example: dict[str, Any], sections: Sequence[dict[str, Any]], replies: Sequence[Reply]) -> dict[str, Any]:
    output = "\n\n".join(section["text"] for section in sections)
    words, required = count_words(output), example["required_words"]
    return {
        **{name: example[name] for name in COPIED},
        "repairs": [],
        "output": output, "sections": list(sections), "words": words,
        "plan_call_id": replies[-len(sections) - 1].call_id,
        "length_score": length_score(words, required) if required else None,
        "prompt_tokens": sum(reply.prompt_tokens for reply in replies),
        "cached_tokens": sum(reply.cached_tokens for reply in replies),
        "completion_tokens": sum(reply.completion_tokens for reply in replies),
        "cost_usd": sum(reply.cost_usd for reply in replies),
        "author": replies[-1].model,
    }
