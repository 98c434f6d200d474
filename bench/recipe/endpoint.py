"""A teacher that answers at once: an OpenAI-compatible server whose texts have no meaning but the length that is asked.

What it writes follows from the request's bytes alone. It also misbehaves a little, so that every branch is taken: see
the shares below; the real assets have to mend or reject these.
"""

import argparse
import json
import re
import time
from hashlib import blake2b
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from testing.recipe.texts import draw, text

SLOT = {
    name: re.compile(pattern, re.MULTILINE)
    for name, pattern in {
        "step": r"^# Step: (\w+)",
        "language": r"^Language: (\w+)",
        "pages": r"^Pages: (\d+)$",
        "total": r"^Total words: (\d+)",
        "sections": r"^Sections: (.+)$",
        "words": r"- Word Count: (\d+) - Pages:",
        "heading": r"^Section \d+ - Main Point: (.+?) - Word Count",
        "line": r"Start with the line `(.+?)`",
        "merged": r"<request>\n(.+)\n</request>",
    }.items()
}
NOT_LONG, IRRELEVANT = 0.01, 0.01  # decisions on requests
BAD_PLAN = 0.01  # plans that cannot be read, and stay so when they are sent back
SHORT, REFUSAL = 0.02, 0.002  # sections of half their length, and refusals


def answer(asked: str, seed: str) -> str:
    """What the last turn of a conversation is answered with; `seed` stands for the whole request."""
    found = {name: match[1] for name, pattern in SLOT.items() if (match := pattern.search(asked))}
    language, chance = found.get("language", "en"), draw(seed, "chance")
    match found["step"]:
        case "request" | "rewrite":
            return text(seed, 20, language)
        case "decide":
            long = not IRRELEVANT <= chance < IRRELEVANT + NOT_LONG
            return json.dumps({"relevant": chance >= IRRELEVANT, "long": long, "reason": "drawn"})
        case "plan" if "total" in found and chance >= BAD_PLAN:
            return plan(int(found["pages"]), int(found["total"]), found["sections"], seed, language)
        case "plan":
            return "First this, then that."
        case "rephrase":
            return f"{text(seed, 3, language)} {found['merged']}"
        case "write":
            if chance < REFUSAL:
                return "I'm sorry, but I can't help with that."
            off = 0.5 if chance < REFUSAL + SHORT and "cannot stay" not in asked else 0.9 + 0.2 * draw(seed, "off")
            return f"{found['line']}\n\n{text(seed, max(1, round(off * int(found['words']))), language)}"
    raise ValueError(f"no such step: {found}")


def plan(pages: int, total: int, sections: str, seed: str, language: str) -> str:
    count = pages if sections == "one per page" else int(sections)
    planned = []
    for index in range(1, count + 1):
        words = total * index // count - total * (index - 1) // count
        point = text(f"{seed} {index}", 5, language).rstrip(".。")
        covered = [index] if sections == "one per page" else list(range(1, pages + 1))
        planned.append({"point": point, "words": words, "pages": covered})
    return json.dumps({"sections": planned}, ensure_ascii=False)


async def chat(request: Request) -> Response:
    raw = await request.body()
    content = json.loads(raw)["messages"][-1]["content"]
    asked = content if isinstance(content, str) else content[-1]["text"]
    said = answer(asked, blake2b(raw, digest_size=16).hexdigest())
    usage: dict[str, Any] = {
        "prompt_tokens": len(raw) // 4,
        "completion_tokens": len(said) // 4,
        "total_tokens": (len(raw) + len(said)) // 4,
    }
    return JSONResponse(
        {
            "id": "bench",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": "bench",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
            "usage": usage,
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port, log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
