"""The type of decoded JSON, for values that come from outside and are narrowed with `isinstance` before use."""

from typing import TypeAlias

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
