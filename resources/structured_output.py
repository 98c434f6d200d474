"""The `response_format` of a call that is answered in JSON: a schema with bounds, so that no model runs on in it."""

from collections.abc import Mapping
from dataclasses import replace

from resources.failures import AnswerError
from resources.json_types import Json
from resources.messages import Call
from resources.text.repetition import loop_start


def json_format(name: str, **properties: Json) -> dict[str, Json]:
    """One object that has all `properties` (name -> JSON schema) in this order and nothing else.

    `strict` is false because OpenAI refuses lengths of strings in a strict schema. The servers on which a small model
    runs on and on (vLLM, SGLang, llama.cpp) hold it to the schema whether it is strict or not. `uniqueItems` is taken
    by neither.
    """
    return {"type": "json_schema", "json_schema": {"name": name, "strict": False, "schema": json_object(properties)}}


def json_object(properties: Mapping[str, Json]) -> Json:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": dict(properties),
    }


def json_list(items: Json, least: int, most: int) -> Json:
    """A list of `least` to `most` items."""
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def json_integer(least: int, most: int) -> Json:
    """A whole number from `least` to `most`."""
    return {"type": "integer", "minimum": least, "maximum": most}


def json_line(most: int) -> Json:
    """A text of at most `most` characters, on one line: xgrammar (vLLM, SGLang) lets no quote and no line end into a
    string whose length is bounded, so a text of several paragraphs is bounded by max_tokens alone."""
    return {"type": "string", "maxLength": most}


def second_try(call: Call, error: AnswerError) -> Call:
    """The same question with another seed, after an answer of no use: with twice the room where it was cut, and without
    a response_format where the model said nothing in it, or did not stop."""
    gone_wrong = error.kind == "empty" or ran_on(error.partial)
    return replace(
        call,
        attempt=1,
        seed=1,
        max_tokens=2 * call.max_tokens if error.kind == "truncated" else call.max_tokens,
        extra={name: value for name, value in call.extra.items() if name != "response_format" or not gone_wrong},
    )


def ran_on(cut: str) -> bool:
    """Whether an answer was cut because the model could not stop: it is mostly white space, or it loops."""
    return 2 * sum(map(str.isspace, cut)) > len(cut) or loop_start(cut) is not None
