"""A document's conversation with the teacher: what was asked and answered so far, and one more step of it.

It only grows (images, request, plan, section 1, …), so a server's prefix cache serves all but its end; `reference`
sends the same texts as the paper's scripts do, in one turn with the images last, to compare.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from assets.instructions.schema import Instruction
from assets.long_outputs.control import go_on, whole_words
from resources.engine import ModelEngine, Reply
from resources.failures import AnswerError
from resources.ledger import Record
from resources.messages import Call, Image, Message, assistant, system, user
from resources.prompts import Prompt, load_prompt
from resources.recipe.model import Writing
from resources.structured_output import second_try
from resources.text.repetition import loop_start
from resources.text.tokens import TEACHER_ROOM, TEACHER_ROOM_PER_WORD

Order = Literal["append", "reference"]

SYSTEM = load_prompt(__file__, "system")
TASK = load_prompt(__file__, "task")
CONTINUE = load_prompt(__file__, "continue")
AGAIN = {"refused", "empty"}  # worth one more try with another seed


class Turn(NamedTuple):
    """What the teacher was asked, and what it answered."""

    prompt: str
    answer: str


class Answered(NamedTuple):
    """A text, and the ledger key of the call that ended it."""

    text: str
    call_id: str


class Spent(NamedTuple):
    """What the calls of one document took. cost_usd: US dollars."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float


@dataclass
class Conversation:
    """turns: of the plan and of each section so far; replies: every answer, unusable ones too; repairs: by kind."""

    engine: ModelEngine
    example: Instruction
    recipe: Writing
    order: Order = "append"
    turns: list[Turn] = field(default_factory=list)
    replies: list[Reply | Record] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)
    runs: set[int] = field(default_factory=set)  # of words in the sections so far, to find repeats

    async def ask(
        self,
        name: str,
        prompt: Prompt,
        said: str,
        room: int,
        left: int | None = None,
        more: tuple[Turn, ...] = (),
        response_format: Mapping[str, object] | None = None,
    ) -> Answered:
        """The answer to one step, which does not become a turn yet. more: turns after `turns`.

        name: of the step; said: its prompt, filled; room: tokens that the answer may have; left: calls that the
        document still needs. A refusal or an empty answer is asked once more with another seed; text that the room cut
        is continued. An answer in a `response_format` that was cut is asked once more with twice the room, without the
        format where the model could not stop inside it. Raises AnswerError.
        """
        call = Call(
            role="teacher",
            sample=self.example["example_id"],
            step=name,
            template=prompt.version,
            left=left,
            messages=self.messages(said, more),
            max_tokens=room,
            temperature=self.recipe.temperature,
            goes_on=not response_format,
            extra={"response_format": response_format} if response_format else {},
        )
        try:
            reply = await self.send(call)
        except AnswerError as error:
            if error.kind == "truncated" and not response_format:
                return await self._continued(call, said, more, error)
            if error.kind not in AGAIN and error.kind != "truncated":
                raise
            self.repairs["asked_again"] += 1
            reply = await self.send(second_try(call, error))
        return Answered(reply.text, reply.call_id)

    async def send(self, call: Call) -> Reply:
        """The engine's answer. What it took is kept, whether it can be used or not."""
        try:
            reply = await self.engine.ask(call)
        except AnswerError:
            if record := self.engine.ledger.get(self.engine.key(call)):
                self.replies.append(record)
            raise
        self.replies.append(reply)
        return reply

    def messages(self, prompt: str, more: tuple[Turn, ...] = ()) -> tuple[Message, ...]:
        """The conversation that ends with `prompt`; its images come first, or last in the reference's order."""
        images = tuple(map(Image, self.example["images"]))
        task = TASK.fill(instruction=self.example["instruction"])
        turns = [*self.turns, *more]
        if self.order == "reference":
            said = [turn.answer for turn in turns]
            return system(SYSTEM.fill()), user(task, *said, prompt, *images)
        said = [*(text for turn in turns for text in turn), prompt]
        return (
            system(SYSTEM.fill()),
            user(*images, task, said[0]),
            *(assistant(text) if index % 2 else user(text) for index, text in enumerate(said) if index),
        )

    async def _continued(self, call: Call, said: str, more: tuple[Turn, ...], cut: AnswerError) -> Answered:
        """The whole text of a section that was cut, in at most `continuations` more calls.

        A text that repeats itself is not continued: it is returned as it is, and the loop is cut later.
        """
        text = whole_words(cut.partial)
        for number in range(1, self.recipe.continuations + 1):
            if self._loops(text):
                break
            follow = replace(
                call,
                step=f"{call.step}-continued-{number}",
                template=CONTINUE.version,
                messages=self.messages(CONTINUE.fill(step=said.split("\n", 1)[0]), (*more, Turn(said, text))),
            )
            try:
                reply = await self.send(follow)
            except AnswerError as error:
                if error.kind != "truncated":
                    raise
                text = go_on(text, whole_words(error.partial))
                continue
            self.repairs["continued"] += 1
            return Answered(go_on(text, reply.text), reply.call_id)
        if self._loops(text):
            return Answered(text, self.engine.key(call))
        raise cut

    def _loops(self, text: str) -> bool:
        return self.recipe.loop_control and loop_start(text) is not None


def section_room(words: int) -> int:
    """Tokens that a section of about so many words may have."""
    return TEACHER_ROOM + TEACHER_ROOM_PER_WORD * words


def spent(talk: Conversation) -> Spent:
    """What the document's calls took, those too whose text was replaced or could not be used."""
    return Spent(
        sum(reply.prompt_tokens for reply in talk.replies),
        sum(reply.cached_tokens for reply in talk.replies),
        sum(reply.completion_tokens for reply in talk.replies),
        sum(reply.cost_usd for reply in talk.replies),
    )
