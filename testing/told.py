"""What an asset's metadata tells: numbers and texts by name, those of its table `counts` beside them."""

from collections.abc import Mapping
from typing import Any

import dagster as dg


def told(metadata: Mapping[str, dg.MetadataValue]) -> dict[str, Any]:
    """name -> value."""
    found = {name: value.value for name, value in metadata.items()}
    table = metadata.get("counts")
    if isinstance(table, dg.TableMetadataValue):
        found |= {str(record.data["what"]): record.data["count"] for record in table.records}
    return found


def numbers(metadata: Mapping[str, dg.MetadataValue]) -> set[str]:
    """The names of what the UI plots."""
    return {name for name, value in metadata.items() if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)}
