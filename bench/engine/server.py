"""The server under every tool: OpenAI-compatible, S slots first come first served, service times out of `work.py`.

Its log, a JSON line per call (sample, step, arrival, start, end, bytes, prompt), is the only source of numbers.
The last user text of a request names its work: `[sample 17 step 3]`.
"""

import argparse
import asyncio
import hashlib
import json
import re
import time
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.engine.work import PLAN_STEP, Speed, sections_of, tokens_of

NAMED = re.compile(r"\[sample (\d+) step (\d+)\]")


def work_line(sample: int, step: int) -> str:
    """How a prompt names the call that it is."""
    return f"[sample {sample} step {step}]"


def answer_text(sample: int, step: int) -> str:
    if step == PLAN_STEP:
        return f"sections: {sections_of(sample)}"
    return f"Section {step} of sample {sample}. " + "word " * tokens_of(sample, step)


def build_app(slots: int, speed: Speed, log: Path) -> Starlette:
    free = asyncio.Semaphore(slots)   # asyncio's is fair: first come, first served
    out = log.open("a", buffering=1)

    async def chat(request: Request) -> JSONResponse:
        arrival = time.time()
        raw = await request.body()
        body: dict[str, Any] = json.loads(raw)
        found = NAMED.findall(json.dumps(body["messages"][-1]["content"]))
        if not found:
            return JSONResponse({"error": {"message": "the prompt names no sample"}}, status_code=400)
        sample, step = map(int, found[-1])
        tokens = tokens_of(sample, step)
        async with free:
            start = time.time()
            await asyncio.sleep(speed.seconds(tokens))
            end = time.time()
        out.write(json.dumps({"sample": sample, "step": step, "arrival": arrival, "start": start, "end": end,
                              "bytes": len(raw), "prompt": hashlib.sha256(raw).hexdigest()[:16]}) + "\n")
        return JSONResponse({
            "id": f"{sample}-{step}", "object": "chat.completion", "created": int(start), "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": answer_text(sample, step)}}],
            "usage": {"prompt_tokens": len(raw) // 4, "completion_tokens": tokens,
                      "total_tokens": len(raw) // 4 + tokens}})

    return Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--ttft", type=float, default=Speed.ttft, help="seconds")
    parser.add_argument("--rate", type=float, default=Speed.rate, help="tokens/s of one slot")
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    app = build_app(options.slots, Speed(options.ttft, options.rate), options.log)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
