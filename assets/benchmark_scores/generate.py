"""The benchmark's answers, written by each checkpoint: `python -m assets.benchmark_scores.generate --config <json>`."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, set_seed

from assets.sft_checkpoint.chat import render_prompt
from assets.sft_checkpoint.run import run_script

TOKENS_PER_WORD = 3     # an answer may have this many tokens per word that is asked, and no more


def generate(config: dict[str, Any], say: Callable[[str], None]) -> None:
    """Append a JSON line (model, item_id, text, tokens, seconds, finish) per model and item that has none yet."""
    items = [json.loads(line) for line in Path(config["items"]).read_text(encoding="utf-8").splitlines()]
    output = Path(config["output"])
    done = set()
    if output.exists():
        done = {(line["model"], line["item_id"]) for line in map(json.loads, output.read_text().splitlines())}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with output.open("a", encoding="utf-8") as file:
        for entry in config["models"]:
            waiting = [item for item in items if (entry["name"], item["item_id"]) not in done]
            if not waiting:
                continue
            processor = AutoProcessor.from_pretrained(entry["path"])
            model: Any = AutoModelForImageTextToText.from_pretrained(entry["path"], dtype="auto")
            model = model.to(device).eval()
            for number, item in enumerate(waiting, 1):
                answer = write_answer(model, processor, item, config)
                file.write(json.dumps({"model": entry["name"], "item_id": item["item_id"], **answer},
                                      ensure_ascii=False) + "\n")
                file.flush()
                say(f"{entry['name']}: {number} of {len(waiting)}, {answer['tokens']} tokens in "
                    f"{answer['seconds']:.1f} s")


@torch.inference_mode()
def write_answer(model: Any, processor: Any, item: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """One answer: sampled with the paper's settings, from a seed of its own, so that order does not matter."""
    started = time.monotonic()
    images = [Image.open(path).convert("RGB") for path in item["images"]]
    inputs = processor(text=[render_prompt(processor, len(images), item["prompt"])], images=images or None,
                       return_tensors="pt").to(model.device)
    set_seed(config["seed"] + int(item["item_id"][:6], 16) % 100_000)
    limit = min(config["max_new_tokens"], TOKENS_PER_WORD * item["required_words"])
    tokens = model.generate(**inputs, max_new_tokens=limit, do_sample=True, temperature=config["temperature"],
                            top_p=config["top_p"])[0, inputs["input_ids"].shape[1]:]
    return {"text": processor.decode(tokens, skip_special_tokens=True), "tokens": len(tokens),
            "seconds": time.monotonic() - started, "finish": "length" if len(tokens) >= limit else "stop"}


if __name__ == "__main__":
    run_script("benchmark", generate)
