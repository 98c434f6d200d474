"""What a recipe sets of a student's own numbers."""

from typing import Any


def given(**values: Any) -> dict[str, Any]:
    """What is not None."""
    return {name: value for name, value in values.items() if value is not None}
