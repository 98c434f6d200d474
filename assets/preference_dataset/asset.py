"""The asset `preference_dataset`: the door between the pairs of all shards and preference training."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.door import DoorShut, documents_of, image_files, require_good_shards, write_dataset
from assets.partitions import SHARDS
from assets.preference_dataset.schema import SCHEMA
from resources.dagster import StoreResource, clear_failures
from resources.store import Store

UPSTREAM = ("source_images", "instructions", "long_outputs", "segments", "corrected_segments", "preference_pairs")


@dg.asset(deps=[dg.AssetDep("preference_pairs", partition_mapping=dg.AllPartitionMapping())], kinds={"parquet"})
def preference_dataset(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:
    """Every preference pair, from shards whose quality reports passed; refuses where one did not."""
    with clear_failures(DoorShut):
        tables = store.create()
        shards = sorted(context.instance.get_dynamic_partitions(str(SHARDS.name)))
        require_good_shards(tables, UPSTREAM, shards)
        manifest = write_dataset(tables, "preference", shards, SCHEMA, pair_rows(tables, shards),
                                 lambda row: (row["kind"], row["corrector"]), lambda: why_empty(tables, shards))
    return dg.MaterializeResult(data_version=dg.DataVersion(manifest.id), metadata={
        "dagster/row_count": manifest.rows, "shards": len(shards),
        **{f"pairs_{kind}": count for kind, count in manifest.counts.items()},
        "corrected_by": ", ".join(sorted(manifest.authors)), "path": dg.MetadataValue.path(manifest.path)})


def why_empty(tables: Store, shards: list[str]) -> str:
    documents = documents_of(tables, shards, "preference")
    found = (f"the critic changed nothing in the {documents} documents of the preference split" if documents
             else "no document stands in the preference split")
    return (f"There is no preference pair, because {found}: add documents under LWV_SOURCES (about one in five goes "
            "there; of 3 or more, at least one), or set LWV_CRITIC_BASE_URL to another critic.")


def pair_rows(tables: Store, shards: list[str]) -> Iterator[dict[str, Any]]:
    for shard in shards:
        for row in tables.rows("preference_pairs", shard):
            yield {"id": row["pair_id"], "images": image_files(tables, row["images"]),
                   **{name: row[name] for name in ("prompt", "prefix", "chosen", "rejected", "closes", "weight",
                                                   "kind", "corrector")}}
