"""What checkpoints write, a JSON line per answer: `python -m resources.training.generate --config <json>`."""

import time
from collections.abc import Callable, Iterator, Sequence

import torch
from PIL import Image
from transformers import GenerationConfig, StoppingCriteriaList

from resources.lines import appending
from resources.sampling import SampledBy
from resources.training.answer_writer import Writer, load_writer
from resources.training.generation_lines import Answer, PromptLine, read_answers
from resources.training.rows.chat import render_prompt
from resources.training.rows.processor import Processor, load_processor
from resources.training.run import run_script
from resources.training.run_config import GenerationRun
from resources.training.seeded_sampling import OwnLimits, seeded_sampling

MOST_ROWS = 16  # texts written side by side
MOST_TOKENS = 65_536  # of the answers of a batch, if each is as long as it may be
IMAGE_LENGTH = 2000  # characters: an image counts so much where prompts are put in order


def generate(run: GenerationRun, say: Callable[[str], None]) -> None:
    """Append a line (model, item_id, text, tokens, seconds, finish, seed, sampling) per model and prompt that has none
    yet."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with appending(run.output) as add:
        done = read_answers(run.output)  # here: a process before this one may have added to it
        for entry in run.models:
            waiting = [item for item in run.prompts if (entry["name"], item["item_id"]) not in done]
            if not waiting:
                continue
            processor = load_processor(entry["path"], run.max_pixels)
            model = load_writer(entry["path"], device)
            number = 0
            for batch in batches(waiting):
                for item, answer in zip(batch, write_batch(model, processor, batch, run.sampling), strict=True):
                    number += 1
                    add(
                        {
                            "model": entry["name"],
                            "item_id": item["item_id"],
                            **answer,
                            "seed": item["seed"],
                            "sampling": run.sampling,
                        }
                    )
                    say(f"{entry['name']}: {number} of {len(waiting)}, {answer['tokens']} tokens")


def batches(items: Sequence[PromptLine]) -> Iterator[list[PromptLine]]:
    """Texts that are written side by side: of about one length, the shortest first, in the same order each time."""

    def length(item: PromptLine) -> tuple[int, int, str]:
        return item["max_new_tokens"], len(item["prompt"]) + IMAGE_LENGTH * len(item["images"]), item["item_id"]

    batch: list[PromptLine] = []
    for item in sorted(items, key=length):
        if batch and (len(batch) == MOST_ROWS or (len(batch) + 1) * item["max_new_tokens"] > MOST_TOKENS):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


@torch.inference_mode()
def write_batch(model: Writer, processor: Processor, items: Sequence[PromptLine], sampling: SampledBy) -> list[Answer]:
    """An answer to each, in order. Each is drawn by its own seed, so that it is the one that it would be alone, up to
    the rounding of a padded batch, which can change a draw in bfloat16; nothing of the model's own generation_config is
    used but its ends."""
    started = time.monotonic()
    images = [Image.open(path).convert("RGB") for item in items for path in item["images"]]
    processor.tokenizer.padding_side = "left"
    inputs = processor(
        text=[render_prompt(processor, len(item["images"]), item["prompt"]) for item in items],
        images=images or None,
        return_tensors="pt",
        padding=True,
    ).to(model.device)
    prompt, limits = inputs["input_ids"].shape[1], [item["max_new_tokens"] for item in items]
    ends = end_tokens(model)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        repetition_penalty=1.0,
        max_new_tokens=max(limits),
        eos_token_id=ends,
        pad_token_id=processor.tokenizer.pad_token_id,
    )
    written = model.generate(
        **inputs,
        logits_processor=seeded_sampling(sampling, [item["seed"] for item in items], prompt),
        stopping_criteria=StoppingCriteriaList([OwnLimits(limits, prompt)]),
    )[:, prompt:]
    seconds = (time.monotonic() - started) / len(items)
    return [_answer(processor, row, limit, ends, seconds) for row, limit in zip(written, limits, strict=True)]


def end_tokens(model: Writer) -> list[int]:
    """Ids that end an answer."""
    found = model.generation_config.eos_token_id
    return list(found) if isinstance(found, list | tuple) else [int(found)] if found is not None else []


def _answer(processor: Processor, row: torch.Tensor, limit: int, ends: Sequence[int], seconds: float) -> Answer:
    """row: [tokens], with padding behind its end."""
    found = row[:limit].tolist()
    end = next((at for at, token in enumerate(found) if token in ends), None)
    tokens = row[: limit if end is None else end + 1]
    return {
        "text": processor.decode(tokens, skip_special_tokens=True),
        "tokens": len(tokens),
        "seconds": seconds,
        "finish": "length" if end is None else "stop",
    }


if __name__ == "__main__":
    run_script("writing", GenerationRun, generate)
