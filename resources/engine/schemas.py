"""JSON schemas for servers that take only a part of the language."""

from typing import Any

# Bounds and annotations that some servers refuse; what is left says names and types.
BOUNDS = frozenset(
    {
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "uniqueItems",
        "pattern",
        "additionalProperties",
        "strict",
    }
)


def as_plain(response_format: Any) -> Any:
    """A `response_format` without bounds: names and types alone. A property that is called like a bound is kept."""
    if isinstance(response_format, list):
        return [as_plain(item) for item in response_format]
    if not isinstance(response_format, dict):
        return response_format
    return {
        name: {inner: as_plain(schema) for inner, schema in value.items()}
        if name == "properties" and isinstance(value, dict)
        else as_plain(value)
        for name, value in response_format.items()
        if name not in BOUNDS
    }
