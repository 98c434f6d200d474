"""The asset `source_images`: the pages of a shard's documents."""

from collections import Counter

import dagster as dg

from assets.partitions import SHARDS
from assets.quality.quarantine import write_quarantine
from assets.shard_table import table_metadata
from assets.source_images.catalog import Catalog, NoSources
from assets.source_images.ingest import ingest
from assets.source_images.pages import Limits
from assets.source_images.schema import SCHEMA
from resources.dagster import SourcesResource, StoreResource, clear_failures


@dg.asset(partitions_def=SHARDS, kinds={"image", "parquet"})
def source_images(context: dg.AssetExecutionContext, store: StoreResource, sources: SourcesResource,
                  ) -> dg.MaterializeResult:
    """Every page of the shard's images, decks and scans: upright, capped in size, hashed, its text read."""
    with clear_failures(NoSources, ValueError):
        tables, settings, shard = store.create(), sources.settings(), context.partition_key
        catalog = Catalog(tables.home, settings.sources, settings.shard_documents)
        catalog.scan()
        entries = catalog.documents(shard)
        known = {}
        if tables.table_path("source_images", shard).exists():
            known = {row["image_sha256"]: row for row in tables.rows("source_images", shard)}
        result = ingest(entries, settings.sources, tables,
                        Limits(settings.max_side, settings.max_file_mb, settings.max_pages), known)
        write_quarantine(tables, "source_images", shard, result.set_aside)
        count = tables.write_table("source_images", shard, result.rows, SCHEMA)
    kinds = Counter({row["document_id"]: row["kind"] for row in result.rows}.values())
    return dg.MaterializeResult(metadata={
        **table_metadata(tables, "source_images", shard, count, len(result.set_aside)),
        **{f"documents_{kind}": kinds[kind] for kind in ("single", "multi", "deck")},
        "pages_with_text": sum(bool(row["ocr_text"]) for row in result.rows), "pages_read_now": result.pages_read,
        "readers": ", ".join(sorted({row["reader"] for row in result.rows})),
    })
