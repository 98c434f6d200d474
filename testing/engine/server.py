"""The server under every tool: OpenAI-compatible, S slots first come first served, service times out of `work.py`.

Its log, a JSON line per call (sample, step, arrival, start, end, bytes, prompt, status), is the only source of numbers.
Three modes. Plain. `--cache`: prefill takes time, at one rate for all slots, less what an LRU prefix cache holds.
`--faults`: more calls at once than slots are refused, and a share of calls fails in each known way.
"""

import argparse
import asyncio
import hashlib
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from testing.engine.prefix_cache import PrefixCache, tokens_in
from testing.engine.work import MAX_SECTIONS, PLAN_STEP, SECTION_WORDS, Speed, draw, sections_of, tokens_of

SAMPLE = re.compile(rb"\[sample (\d+)\]")
STEP = re.compile(rb"# Step: (?:write section (\d+) of|plan)")
TAIL = 400_000  # bytes of a request in which its texts stand: image data comes before them, in our order

# Share of calls, fault mode.
REFUSED_429, SERVER_ERROR, HANGING, BAD_PLAN, REFUSAL, CUT = 0.02, 0.01, 0.005, 0.01, 0.005, 0.005
HANG_S = 60.0

# Ten thousand words, so that no section repeats itself: a third of them have two tokens by `prefix_cache`'s rule.
SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnpqrstvwxz" for vowel in "aeiou"]
WORDS = [
    first + second + "n" * (index % 3 == 0)
    for index, (first, second) in enumerate((a, b) for a in SYLLABLES for b in SYLLABLES)
]


def answer_text(sample: int, step: int, fixed: int, pages: int) -> str:
    if step == PLAN_STEP:
        return plan_text(sample, sections_of(sample, fixed), SECTION_WORDS, list(range(1, pages + 1)))
    start = (sample * MAX_SECTIONS + step) * SECTION_WORDS % (len(WORDS) - SECTION_WORDS)
    return f"## Part {step} of text {sample}\n\n" + " ".join(WORDS[start : start + SECTION_WORDS]) + "."


def plan_text(sample: int, sections: int, words: int, pages: list[int]) -> str:
    """A plan whose sections all have as many words, and cover the same pages."""
    return json.dumps(
        {
            "sections": [
                {"point": f"Part {k} of text {sample}", "words": words, "pages": pages} for k in range(1, sections + 1)
            ]
        }
    )


class BenchServer:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.speed = Speed(options.ttft, options.rate)
        self.free = asyncio.Semaphore(options.slots)  # asyncio's is fair: first come, first served
        self.prefill = asyncio.Lock()
        self.cache = PrefixCache(options.cache) if options.cache else None
        self.out = options.log.open("a", buffering=1)
        self.in_flight = 0
        self.arrivals: Counter[tuple[int, int]] = Counter()

    async def chat(self, request: Request) -> Response:
        arrival = time.time()
        raw = await request.body()
        tail = raw if self.options.images_last else raw[-TAIL:]
        named, steps = SAMPLE.findall(tail), STEP.findall(tail)
        if not named or not steps:
            return JSONResponse({"error": {"message": "the prompt names no sample and step"}}, status_code=400)
        sample, step = int(named[-1]), int(steps[-1] or PLAN_STEP)
        line: dict[str, Any] = {"sample": sample, "step": step, "arrival": arrival, "bytes": len(raw), "status": 200}
        self.arrivals[sample, step] += 1
        self.in_flight += 1
        try:
            return await self._serve(raw, sample, step, line)
        finally:
            self.in_flight -= 1
            self.out.write(json.dumps({**line, "end": time.time()}) + "\n")

    async def _serve(self, raw: bytes, sample: int, step: int, line: dict[str, Any]) -> Response:
        text = answer_text(sample, step, self.options.sections, self.options.pages)
        finish, tokens = "stop", tokens_of(sample, step, self.options.sections)
        if self.options.faults:
            fault, chance = "", draw(sample, step, self.arrivals[sample, step])
            for share, kind in (
                (REFUSED_429, "429"),
                (SERVER_ERROR, "500"),
                (HANGING, "hang"),
                (REFUSAL, "refusal"),
                (CUT, "cut"),
                (BAD_PLAN if step == PLAN_STEP else 0.0, "bad plan"),
            ):
                chance -= share
                if chance < 0:
                    fault = kind
                    break
            if fault == "429" or self.in_flight > self.options.slots:
                line["status"] = 429
                return JSONResponse({"error": {"message": "slow down"}}, status_code=429, headers={"Retry-After": "1"})
            if fault == "500":
                line["status"] = 500
                return JSONResponse({"error": {"message": "internal"}}, status_code=500)
            if fault == "hang":
                line["status"] = 0
                self.in_flight -= 1  # it holds no slot: a real server has lost it
                await asyncio.sleep(HANG_S)
                self.in_flight += 1
                return JSONResponse({"error": {"message": "lost"}}, status_code=500)
            line["fault"] = fault
            text = {
                "refusal": "I'm sorry, but I can't help with that.",
                "bad plan": "1. first this, 2. then that",
                "cut": text[: len(text) // 2],
            }.get(fault, text)
            finish = "length" if fault == "cut" else "stop"
        prompt, cached = len(raw) // 4, 0
        async with self.free:
            line["start"] = time.time()
            if self.cache:
                stream = tokens_in(json.loads(raw)["messages"])
                prompt, cached = len(stream), self.cache.lookup(stream)
                line["prefill"] = prompt - cached
                async with self.prefill:
                    await asyncio.sleep((prompt - cached) / self.options.prefill_rate)
                self.cache.add([*stream, *tokens_in([{"content": text}])])
            elif len(raw) < 1_000_000:
                line["prompt"] = prompt_hash(json.loads(raw)["messages"])
            if self.options.rate:  # what this process takes to read the prompt is no service
                busy = 0 if self.cache else time.time() - line["start"]
                await asyncio.sleep(self.speed.seconds(tokens) - busy)
        return JSONResponse(
            {
                "id": f"{sample}-{step}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": "bench",
                "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
                "usage": {
                    "prompt_tokens": prompt,
                    "completion_tokens": tokens,
                    "total_tokens": prompt + tokens,
                    "prompt_tokens_details": {"cached_tokens": cached},
                },
            }
        )


def prompt_hash(messages: list[dict[str, Any]]) -> str:
    """Of the texts in their order, whoever speaks them and however they are spaced."""
    texts = [
        part["text"] if isinstance(part, dict) else part
        for message in messages
        for part in (message["content"] if isinstance(message["content"], list) else [message["content"]])
    ]
    return hashlib.sha256(" ".join(" ".join(texts).split()).encode()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--ttft", type=float, default=Speed.ttft, help="seconds")
    parser.add_argument("--rate", type=float, default=Speed.rate, help="tokens/s of one slot; 0: no service time")
    parser.add_argument("--sections", type=int, default=0, help="sections of every sample; 0: as work.py draws them")
    parser.add_argument("--pages", type=int, default=0, help="pages that a plan covers")
    parser.add_argument("--cache", type=int, default=0, help="tokens that the prefix cache holds; 0: plain mode")
    parser.add_argument("--prefill-rate", type=float, default=200_000, help="tokens/s, all slots together")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--images-last", action="store_true", help="texts stand before the image data")
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    app = Starlette(routes=[Route("/v1/chat/completions", BenchServer(options).chat, methods=["POST"])])
    uvicorn.run(
        app, host="127.0.0.1", port=options.port, log_level="critical", access_log=False, timeout_graceful_shutdown=1
    )


if __name__ == "__main__":
    main()
