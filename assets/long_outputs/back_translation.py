"""Length back-translation: the instruction states, afterwards, the length of what was written (docs/method.md 1.2), as
people state one: rounded."""

import re
import tomllib
from pathlib import Path

from assets.long_outputs.conversation import Conversation, spent
from assets.long_outputs.schema import LongOutput
from resources.failures import AnswerError
from resources.messages import Call, user
from resources.prompts import load_prompt
from resources.text.echo import echoes
from resources.text.length_score import length_score
from resources.text.manners import clean_request
from resources.text.refusals import is_refusal

STATE_LENGTH = load_prompt(__file__, "state_length")
STATED = tomllib.loads((Path(__file__).parent / "prompts" / "stated_length.toml").read_text(encoding="utf-8"))
MOST_GROWTH = 3  # a rephrased instruction longer than so many times the merged one is no rephrasing


def stated(words: int) -> int:
    """A length as people state it: 815 as 800, 2,345 as 2,300; never none."""
    multiple: int = next((step for below, step in STATED["multiples"] if words < below), STATED["multiples"][-1][1])
    return max(multiple, round(words / multiple) * multiple)


async def state_length(talk: Conversation, row: LongOutput) -> LongOutput:
    """The row with a stated length (`stated`): merged into the instruction, then rephrased by the teacher.

    Where the teacher drops the number or gives no instruction, the merged one is kept (repair `length_appended`).
    """
    words = stated(row["words"])
    merged = f"{row['instruction']} {STATED['clause'][row['language']].format(words=words)}"
    try:
        reply = await talk.send(
            Call(
                role="teacher",
                sample=row["example_id"],
                step="state-length",
                template=STATE_LENGTH.version,
                left=1,
                max_tokens=1024,
                messages=(user(STATE_LENGTH.fill(language=row["language"], merged=merged)),),
            )
        )
        said = " ".join(clean_request(reply.text).split())
    except AnswerError:
        said = ""
    named = re.search(rf"(?<!\d){words}(?!\d)", said.replace(",", ""))
    if not named or len(said) > MOST_GROWTH * len(merged) or is_refusal(said) or echoes(said, (STATE_LENGTH.text,)):
        talk.repairs["length_appended"] += 1
        said = merged
    took = spent(talk)
    return {
        **row,
        "instruction": said,
        "required_words": words,
        "length_score": length_score(row["words"], words),
        "repairs": sorted(talk.repairs.elements()),
        "prompt_tokens": took.prompt_tokens,
        "cached_tokens": took.cached_tokens,
        "completion_tokens": took.completion_tokens,
        "cost_usd": took.cost_usd,
    }
