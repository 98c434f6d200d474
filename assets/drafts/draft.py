"""What a draft is: the prompt that it answers, its row, how it ended, and which one is corrected."""

from collections.abc import Mapping
from typing import Literal

from assets.drafts.schema import DRAFTS, Draft
from assets.generation import prompt_line
from assets.long_outputs.schema import LongOutput
from resources.authors import EMBEDDED_STUDENT
from resources.recipe.model import Pairs
from resources.sampling import SampledBy, sampled_by
from resources.store import Store
from resources.text.length_score import length_score
from resources.text.repetition import loop_start
from resources.text.thoughts import without_thoughts
from resources.text.tokens import STUDENT_CAP_PER_WORD
from resources.text.words import count_words
from resources.training.generation_lines import Answer, PromptLine
from resources.training.run_id import run_id
from resources.training.training_record import TrainingRecord

MOST_TOKENS = 16_384


class NoDraftError(RuntimeError):
    """The recipe wants the checkpoint's drafts, and an example has none of what is asked now."""


def samples_of(recipe: Pairs) -> int:
    """Drafts of one example: without sampled pairs only the one that is corrected."""
    return recipe.samples if recipe.sampled else 1


def drafts_sampled_by(recipe: Pairs) -> SampledBy:
    """How drafts are sampled."""
    return sampled_by(recipe.temperature, recipe.sampling)


def draft_prompt(store: Store, example: LongOutput, sample: int, sampling: SampledBy) -> PromptLine:
    """The prompt line of one draft. Its id follows from all that decides the draft, so that no draft is written twice.

    example: a long_outputs row. Seeds differ from sample to sample and from example to example.
    """
    item_id = run_id(
        prompt=example["instruction"],
        images=example["images"],
        sample=sample,
        sampling=sampling,
        words=example["target_words"],
        most_tokens=MOST_TOKENS,
    )
    return prompt_line(
        store,
        item_id,
        example["instruction"],
        example["images"],
        int(item_id[:7], 16),
        min(MOST_TOKENS, STUDENT_CAP_PER_WORD * example["target_words"]),
    )


def draft_row(example: LongOutput, sample: int, answer: Answer, author: str) -> Draft:
    """answer: {text, tokens, finish} as the checkpoint gave it."""
    output = without_thoughts(answer["text"]).text.strip()
    words, required = count_words(output), example["required_words"]
    return {
        "example_id": example["example_id"],
        "sample": sample,
        "instruction": example["instruction"],
        "output": output,
        "words": words,
        "length_score": length_score(words, required) if required else None,
        "finish": finish_of(output, answer["finish"]),
        "tokens": answer["tokens"],
        "author": author,
    }


def finish_of(output: str, finish: str) -> str:
    """Of FINISHES. A text that repeats itself is looping, however it ended."""
    if count_words(output) == 0:
        return "empty"
    return "looping" if loop_start(output) is not None else finish


def draft_author(checkpoint: str, training: TrainingRecord) -> str:
    """`<student> sft <id>`, with the note where the student learnt from the embedded model's texts."""
    name = f"{training['student'].rstrip('/').rsplit('/', 1)[-1]} sft {checkpoint}"
    return f"{name} {EMBEDDED_STUDENT}" if training["embedded"] else name


def drafts_by_example(store: Store, shard: str) -> dict[str, list[Draft]]:
    """example_id -> its drafts, by sample. Raises MissingTableError where the shard has no drafts."""
    found: dict[str, list[Draft]] = {}
    for row in store.rows(DRAFTS, shard):
        found.setdefault(row["example_id"], []).append(row)
    return found


def current_drafts(output: LongOutput, drafts: Mapping[str, list[Draft]]) -> list[Draft]:
    """The drafts of one long_outputs row; none where they answer another instruction than the one it has now."""
    return [row for row in drafts.get(output["example_id"], []) if row["instruction"] == output["instruction"]]


def draft_to_cut(
    mode: Literal["auto", "checkpoint", "teacher"],
    output: LongOutput,
    drafts: Mapping[str, list[Draft]],
) -> Draft | None:
    """The draft that is corrected in place of a long_outputs row's text; None: that text is.

    Only the preference split is corrected. Raises NoDraftError where `mode` is `checkpoint` and there is no draft.
    """
    if mode == "teacher" or output["split"] != "preference":
        return None
    draft = next((row for row in current_drafts(output, drafts) if row["sample"] == 0), None)
    if draft is None and mode == "checkpoint":
        raise NoDraftError(
            f"{output['example_id']} has no draft of what is asked now: materialise `drafts` for its shard, "
            'or set corrections.drafts = "auto" in the recipe (LWV_RECIPE).'
        )
    return draft
