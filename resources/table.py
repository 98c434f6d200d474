"""Tables: a row type (a TypedDict), the pyarrow schema that is made from it, and the table's name on disk."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, is_typeddict

import pyarrow as pa

Int32 = Annotated[int, pa.int32()]
Int64 = Annotated[int, pa.int64()]
Float32 = Annotated[float, pa.float32()]
Float64 = Annotated[float, pa.float64()]
Bytes = Annotated[bytes, pa.binary()]
_PLAIN = {str: pa.string(), bool: pa.bool_()}

Row = TypeVar("Row", bound=Mapping[str, object])


@dataclass(frozen=True)
class Table(Generic[Row]):
    """One table of the factory: `tables/<name>/<shard>.parquet` under LWV_HOME, rows of type `row`.

    version: of the schema; raise it with any change of a column or of its meaning.
    """

    name: str
    row: type[Row]
    version: int = 1

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns in the order of the row type's fields."""
        return schema_of(self.row)


def schema_of(row: type) -> pa.Schema:
    """The pyarrow schema of a TypedDict; raises TypeError naming the field whose type has no column type.

    A column may always hold nulls; `| None` in the row type says where it really does.
    """
    return pa.schema(list(_fields(row).items()))


def _fields(row: type) -> dict[str, pa.DataType]:
    return {
        name: _column_type(hint, f"{row.__name__}.{name}")
        for name, hint in get_type_hints(row, include_extras=True).items()
    }


def _column_type(hint: object, where: str) -> pa.DataType:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return next(part for part in arguments[1:] if isinstance(part, pa.DataType))
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in arguments if part is not type(None))
        return _column_type(inner, where)
    if origin is list:
        return pa.list_(_column_type(arguments[0], where))
    if origin is Literal and all(isinstance(value, str) for value in arguments):
        return pa.string()
    if is_typeddict(hint):
        return pa.struct(list(_fields(hint).items()))  # type: ignore[arg-type]  # a TypedDict is a type
    if isinstance(hint, type) and hint in _PLAIN:
        return _PLAIN[hint]
    raise TypeError(f"{where}: {hint} has no column type: see resources/table.py.")
