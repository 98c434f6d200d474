"""What checkpoints write, a JSON line per answer: `python -m resources.training.generate --config <json>`."""

import time
from collections.abc import Callable

import torch
from PIL import Image
from transformers import set_seed

from resources.lines import appending
from resources.training.answer_writer import Writer, load_writer
from resources.training.generation_lines import Answer, PromptLine, read_answers
from resources.training.rows.chat import render_prompt
from resources.training.rows.processor import Processor, load_processor
from resources.training.run import run_script
from resources.training.run_config import GenerationRun


def generate(run: GenerationRun, say: Callable[[str], None]) -> None:
    """Append a line (model, item_id, text, tokens, seconds, finish) per model and prompt that has none yet."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with appending(run.output) as add:
        done = read_answers(run.output)  # here: a process before this one may have added to it
        for entry in run.models:
            waiting = [item for item in run.prompts if (entry["name"], item["item_id"]) not in done]
            if not waiting:
                continue
            processor = load_processor(entry["path"])
            model = load_writer(entry["path"], device)
            for number, item in enumerate(waiting, 1):
                answer = write_answer(model, processor, item, run.temperature, run.top_p)
                add({"model": entry["name"], "item_id": item["item_id"], **answer})
                say(
                    f"{entry['name']}: {number} of {len(waiting)}, {answer['tokens']} tokens in "
                    f"{answer['seconds']:.1f} s"
                )


@torch.inference_mode()
def write_answer(model: Writer, processor: Processor, item: PromptLine, temperature: float, top_p: float) -> Answer:
    """One answer, sampled from a seed of its own, so that order does not matter."""
    started = time.monotonic()
    images = [Image.open(path).convert("RGB") for path in item["images"]]
    inputs = processor(
        text=[render_prompt(processor, len(images), item["prompt"])], images=images or None, return_tensors="pt"
    ).to(model.device)
    set_seed(item["seed"])
    limit = item["max_new_tokens"]
    tokens = model.generate(**inputs, max_new_tokens=limit, do_sample=True, temperature=temperature, top_p=top_p)[
        0, inputs["input_ids"].shape[1] :
    ]
    return {
        "text": processor.decode(tokens, skip_special_tokens=True),
        "tokens": len(tokens),
        "seconds": time.monotonic() - started,
        "finish": "length" if len(tokens) >= limit else "stop",
    }


if __name__ == "__main__":
    run_script("writing", GenerationRun, generate)
