"""The same prompts with images in vLLM and in transformers: ids of tokens and their log-probabilities."""

import base64
import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText

from resources.training.rows.chat import render_prompt
from resources.training.rows.processor import load_processor
from resources.vllm.server_figures import DIRECT


class Written(NamedTuple):
    """What was written to one prompt: ids of the prompt and the text, and the log-probability of each of its tokens."""

    prompt: list[int]
    text: list[int]
    logprobs: list[float]


def ask_vllm(api: str, model: str, request: str, images: Sequence[Path], tokens: int) -> Written:
    """The likeliest text. api: …/v1."""
    parts = [
        {
            "type": "image_url",
            "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()},
        }
        for path in images
    ]
    body = {
        "model": model,
        "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": request}]}],
        "max_tokens": tokens,
        "temperature": 0,
        "logprobs": True,
        "return_token_ids": True,
    }
    asked = urllib.request.Request(
        f"{api}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with DIRECT.open(asked, timeout=300) as answer:
        found: dict[str, Any] = json.load(answer)
    choice = found["choices"][0]
    return Written(
        found["prompt_token_ids"], choice["token_ids"], [each["logprob"] for each in choice["logprobs"]["content"]]
    )


@torch.inference_mode()
def score_by_transformers(folder: Path, request: str, images: Sequence[Path], text: Sequence[int]) -> Written:
    """Ids of the same prompt, and the log-probability of each token of `text` after it."""
    processor = load_processor(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype="auto")
    model.train(False)
    inputs = processor(
        text=[render_prompt(processor, len(images), request)],
        images=[Image.open(path).convert("RGB") for path in images] or None,
        return_tensors="pt",
    )
    prompt = inputs["input_ids"][0].tolist()
    more = torch.tensor([list(text)])
    inputs["input_ids"] = torch.cat([inputs["input_ids"], more], 1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if "mm_token_type_ids" in inputs:
        kinds = inputs["mm_token_type_ids"]
        inputs["mm_token_type_ids"] = torch.cat([kinds, torch.zeros_like(more, dtype=kinds.dtype)], 1)
    logits = model(**inputs).logits[0, len(prompt) - 1 : -1].float()
    found = torch.log_softmax(logits, -1).gather(1, more[0][:, None])[:, 0]
    return Written(prompt, list(text), found.tolist())
