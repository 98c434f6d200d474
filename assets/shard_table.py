"""How a model-written table of one shard comes about: work per item, rows in input order, failures to quarantine."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import dagster as dg
import pyarrow as pa

from assets.quality.quarantine import write_quarantine
from resources.engine import ModelEngine, run
from resources.failures import AnswerError
from resources.messages import Role
from resources.store import Store

Item = TypeVar("Item")


def write_model_table(
    engine: ModelEngine,
    store: Store,
    asset: str,
    shard: str,
    schema: pa.Schema,
    items: Sequence[Item],
    work: Callable[[Item], Awaitable[list[dict[str, Any]]]],
    describe: Callable[[Item], dict[str, str]],
    role: Role,
    expected_calls: int = 0,
) -> dict[str, Any]:
    """Write `<asset>/<shard>` and its quarantine; returns counts for the asset's metadata.

    work: item -> its rows. describe: item -> document_id and example_id for the quarantine row.
    expected_calls: as the forecast has it, for the time left. Raises EndpointError or StoppedError; nothing is written
    then, and answered calls stay in the ledger.
    """
    results: dict[int, list[dict[str, Any]]] = {}
    failed: dict[int, dict[str, str]] = {}
    kinds = Counter[str]()

    async def write() -> None:
        async with engine:
            numbered = list(enumerate(items))
            async for (index, item), result in engine.run(
                numbered, lambda pair: work(pair[1]), role, f"{asset} {shard}", expected_calls
            ):
                if isinstance(result, AnswerError):
                    failed[index] = {"item": "", **describe(item), "reason": f"{result.kind}: {result}"}
                    kinds[f"quarantined_{result.kind}"] += 1
                else:
                    results[index] = result

    run(write())
    rows = [row for index in sorted(results) for row in results[index]]
    write_quarantine(store, asset, shard, [failed[index] for index in sorted(failed)])
    count = store.write_table(asset, shard, rows, schema)
    endpoint = engine.endpoints[role]
    return {
        **table_metadata(store, asset, shard, count, len(failed)),
        **dict(sorted(kinds.items())),
        **engine.tally.metadata(),
        "model": f"{endpoint.model} (embedded: written-down heuristics, not a model's quality)"
        if endpoint.embedded
        else endpoint.model,
    }


def table_metadata(store: Store, asset: str, shard: str, rows: int, quarantined: int) -> dict[str, Any]:
    """The metadata that every shard's table has: counts (plotted by the UI) and where the file is."""
    return {
        "dagster/partition_row_count": rows,
        "rows": rows,
        "quarantined": quarantined,
        "path": dg.MetadataValue.path(str(store.table_path(asset, shard))),
    }
