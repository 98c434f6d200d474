"""A few rows out of a large Parquet file, by the values of one column: only that column is read as a whole."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def picked_rows(
    path: Path, by: str, values: Collection[str], columns: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """The rows in which `by`, a column of texts or of lists of texts, has one of the values; in order.

    columns: only these, as far as the file has them; a part of a nested one by its path. Raises OSError and
    pa.ArrowException where the file cannot be read; a file without `by` has no such row.
    """
    found, texts = list[dict[str, Any]](), sorted(values)
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        if by not in names:
            return []
        have = None if columns is None else [name for name in columns if name.partition(".")[0] in names]
        for group in range(file.num_row_groups):
            if not _may_hold(file.metadata.row_group(group), by, texts):
                continue
            places = _places(file.read_row_group(group, [by]).column(0), pa.array(texts, pa.string()))
            if places:
                found += file.read_row_group(group, have).take(places).to_pylist()
    return found


def _may_hold(group: pq.RowGroupMetaData, column: str, texts: Sequence[str]) -> bool:
    """Whether one of these texts lies between the least and the greatest of a column, as far as the file says."""
    chunks = (group.column(number) for number in range(group.num_columns))
    found = next((chunk.statistics for chunk in chunks if chunk.path_in_schema == column), None)
    if found is None or not found.has_min_max:
        return bool(texts)
    return any(found.min <= text <= found.max for text in texts)


def _places(column: pa.ChunkedArray, values: pa.Array) -> list[int]:
    import pyarrow.compute as pc  # takes 50 ms, and most of what imports this module never picks a row

    whole = column.combine_chunks()
    if not pa.types.is_list(whole.type):
        found: list[int] = pc.indices_nonzero(pc.is_in(whole, values)).to_pylist()
        return found
    hits = pc.is_in(pc.list_flatten(whole), values)
    return sorted(set(pc.list_parent_indices(whole).filter(hits).to_pylist()))
