"""Length back-translation: the instruction states, afterwards, the length of what was written (docs/method.md 1.2)."""

import re

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
CLAUSE = {"en": "Please write {words}-word in total.", "zh": "请总共写{words}字。"}
MOST_GROWTH = 3  # a rephrased instruction longer than so many times the merged one is no rephrasing


async def state_length(talk: Conversation, row: LongOutput) -> LongOutput:
    """The row with a stated length of exactly its words: merged into the instruction, then rephrased by the teacher.

    Where the teacher drops the number or gives no instruction, the merged one is kept (repair `length_appended`).
    """
    merged = f"{row['instruction']} {CLAUSE[row['language']].format(words=row['words'])}"
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
    named = re.search(rf"(?<!\d){row['words']}(?!\d)", said.replace(",", ""))
    if not named or len(said) > MOST_GROWTH * len(merged) or is_refusal(said) or echoes(said, (STATE_LENGTH.text,)):
        talk.repairs["length_appended"] += 1
        said = merged
    took = spent(talk)
    return {
        **row,
        "instruction": said,
        "required_words": row["words"],
        "length_score": length_score(row["words"], row["words"]),
        "repairs": sorted(talk.repairs.elements()),
        "prompt_tokens": took.prompt_tokens,
        "cached_tokens": took.cached_tokens,
        "completion_tokens": took.completion_tokens,
        "cost_usd": took.cost_usd,
    }
