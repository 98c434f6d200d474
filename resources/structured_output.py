"""The `response_format` of a call that is answered in JSON: a schema with bounds, so that no model runs on in it."""

from collections.abc import Mapping

from resources.json_types import Json


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
