"""The asset `sft_dataset`: the door between the written shards and supervised fine-tuning."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.door import DoorShut, image_files, require_good_shards, write_dataset
from assets.partitions import SHARDS
from assets.sft_dataset.schema import SCHEMA
from resources.dagster import StoreResource, clear_failures
from resources.store import Store

UPSTREAM = ("source_images", "instructions", "long_outputs")


@dg.asset(deps=[dg.AssetDep("long_outputs", partition_mapping=dg.AllPartitionMapping())], kinds={"parquet"})
def sft_dataset(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """Every example of the sft split, from shards whose quality reports passed; refuses where one did not."""
    with clear_failures(DoorShut):
        tables = store.create()
        shards = sorted(context.instance.get_dynamic_partitions(str(SHARDS.name)))
        require_good_shards(tables, UPSTREAM, shards)
        manifest = write_dataset(tables, "sft", shards, SCHEMA, training_rows(tables, shards),
                                 lambda row: (row["kind"], row["author"]),
                                 lambda: "No document of these shards stands in the sft split: add documents under "
                                         "LWV_SOURCES; at least 3 readable ones are needed.")
    return dg.MaterializeResult(data_version=dg.DataVersion(manifest.id), metadata={
        "dagster/row_count": manifest.rows, "shards": len(shards),
        **{f"rows_{kind}": count for kind, count in manifest.counts.items()},
        "written_by": ", ".join(sorted(manifest.authors)), "path": dg.MetadataValue.path(manifest.path)})


def training_rows(tables: Store, shards: list[str]) -> Iterator[dict[str, Any]]:
    for shard in shards:
        for row in tables.rows("long_outputs", shard):
            if row["split"] == "sft":
                yield {"id": row["example_id"],
                       "messages": [{"role": "user", "content": row["instruction"]},
                                    {"role": "assistant", "content": row["output"]}],
                       "images": image_files(tables, row["images"]),
                       **{name: row[name] for name in ("language", "kind", "required_words", "words", "author")}}
