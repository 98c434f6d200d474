"""The asset `source_images`: the pages of a shard's documents."""

from collections import Counter
from collections.abc import Iterator

import dagster as dg

from assets.partitions import SHARDS
from assets.quality.quarantine import write_quarantine
from assets.shard_table import table_metadata
from assets.source_images.catalog import Catalog, CatalogError, NoSourcesError
from assets.source_images.ingest import PageRow, gone_note, ingest_shard
from assets.source_images.licences import LicencesError
from assets.source_images.schema import SCHEMA
from resources.dagster import SourcesResource, StoreResource, clear_failures


@dg.asset(partitions_def=SHARDS, kinds={"image", "parquet"})
def source_images(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    sources: SourcesResource,
) -> dg.MaterializeResult:
    """Every page of the shard's images, decks and scans: upright, capped in size, hashed, its text read."""
    with clear_failures(NoSourcesError, CatalogError, LicencesError):
        tables, settings, shard = store.create(), sources.settings(), context.partition_key
        catalog = Catalog(tables.home, settings.sources, settings)
        catalog.scan()
        result = ingest_shard(shard, tables, catalog, settings)
        kinds: dict[str, str] = {}
        readers = Counter[str]()

        def rows() -> Iterator[PageRow]:
            for row in result.rows:
                kinds[row["document_id"]] = row["kind"]
                readers[row["reader"]] += 1
                yield row

        count = tables.write_table("source_images", shard, rows(), SCHEMA)
        write_quarantine(tables, "source_images", shard, result.quarantined)
    documents = Counter(kinds.values())
    return dg.MaterializeResult(
        metadata={
            **table_metadata(tables, "source_images", shard, count, len(result.quarantined)),
            **{f"documents_{kind}": documents[kind] for kind in ("single", "multi", "deck")},
            "pages_read_now": result.pages_read,
            "gone": len(result.gone),
            "readers": ", ".join(sorted(readers)),
            **({"note": gone_note(shard, result.gone)} if result.gone else {}),
        }
    )
