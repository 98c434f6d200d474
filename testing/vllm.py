"""What a model of 135 million parameters needs to go through the whole lineage: short texts, bounded answers."""

import hashlib
import json
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.request import Request

from starlette.responses import Response

from assets.judging.judge import DIMENSIONS
from resources.vllm.server_figures import DIRECT
from testing.openai_server import completion, failure

WEAK_TEACHER = """
[instructions]
words = { single = [60], multi = [80] }
groups = []
deck_tasks = ["lecture_script"]
lecture_share = 1.0
stated_share = 1.0
back_translated_share = 0.0
words_per_page = 30
chapter_pages = 12

[writing]
length_control = false
loop_control = false
continuations = 0

[keep]
length_score = 0
repeated_share = 1.0
language = false
near_duplicate = 1.0

[pairs]
samples = 3
margin = 0.1

[checks]
quarantine_share = 0.9
length_score = 0
repeated_share = 1.0
"""


def bounded(name: str, **properties: object) -> str:
    """LWV_<ROLE>_EXTRA: an answer of this form, in place of what is asked for. A weak model ends it by itself, in loops
    too: nothing else may cut it."""
    schema = {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}
    form = {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
    return json.dumps({"response_format": form, "repetition_detection": None})


# A section in words alone, which ends by itself.
SECTION = {"structured_outputs": {"regex": "[A-Z][a-z]{1,12}( [a-z]{1,12}){12,24}\\."}}
SUBJECTS = [
    "rivers",
    "engines",
    "bread",
    "harbours",
    "lanterns",
    "orchards",
    "glaciers",
    "markets",
    "violins",
    "deserts",
    "bicycles",
    "comets",
]
JUDGEMENT = bounded("scores", **{name: {"type": "integer", "minimum": 1, "maximum": 5} for name in DIMENSIONS})
CORRECTION = bounded(
    "correction",
    errors={"type": "array", "items": {"type": "string", "enum": ["incoherent"]}, "minItems": 1, "maxItems": 1},
    reason={"type": "string", "maxLength": 40},
    text={"type": "string", "minLength": 80, "maxLength": 160},
)


def planning(api: str) -> Callable[[dict[str, Any]], Response]:
    """Plans with a section for each image, and answers nothing else: a weak model numbers no pages. The vLLM at `api`
    is asked for the plan as well, so that its cache holds what it would hold if that plan were its own."""

    def answer(body: dict[str, Any]) -> Response:
        if "response_format" not in body:
            return failure(400, "this server only plans")
        asked = {name: value for name, value in body.items() if name not in SECTION} | {"max_tokens": 8}
        with DIRECT.open(
            Request(f"{api}/chat/completions", json.dumps(asked).encode(), {"Content-Type": "application/json"}),
            timeout=300,
        ) as response:
            response.read()
        pages = json.dumps(body["messages"]).count('"image_url"') // 2  # the part's type, and its field
        drawn = Random(hashlib.sha256(json.dumps(body["messages"]).encode()).digest())
        sections = [
            {
                "point": f"What page {page} says of {' and '.join(drawn.sample(SUBJECTS, 2))}",
                "words": 30,
                "pages": [page],
            }
            for page in range(1, pages + 1)
        ]
        return completion(json.dumps({"sections": sections}), body["model"])

    return answer
