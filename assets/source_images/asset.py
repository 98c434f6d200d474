"""The asset `source_images`: the pages of a shard's documents."""

from collections import Counter
from collections.abc import Iterator

import dagster as dg

from assets.recipe_nodes import RecipeResource
from assets.shard_table import Shard
from assets.source_images.catalog import Catalog, CatalogError, NoSourcesError
from assets.source_images.ingest import gone_note, ingest_shard
from assets.source_images.licences import LicencesError
from assets.source_images.schema import SOURCE_IMAGES, Page
from assets.source_images.step import STEP
from assets.step_asset import step_asset
from resources.dagster import SourcesResource, StoreResource, clear_failures
from resources.recipe.read import RecipeError


@step_asset(STEP, kinds={"image", "parquet"})
def source_images(
    context: dg.AssetExecutionContext, store: StoreResource, sources: SourcesResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """Every page of the shard's images, decks and scans: upright, capped in size, hashed, its text read."""
    with clear_failures(NoSourcesError, CatalogError, LicencesError, RecipeError):
        shard, settings = Shard.of(context, STEP, SOURCE_IMAGES, store, recipe), sources.settings()
        catalog = Catalog(shard.store.home, settings.sources, settings)
        catalog.scan()
        result = ingest_shard(shard.name, shard.store, catalog, settings)
        kinds: dict[str, str] = {}
        readers = Counter[str]()

        def rows() -> Iterator[Page]:
            for row in result.rows:
                kinds[row["document_id"]] = row["kind"]
                readers[row["reader"]] += 1
                yield row

        count = shard.write(rows(), result.quarantined)
        result.kept.forget()
    documents = Counter(kinds.values())
    return shard.result(
        count,
        len(result.quarantined),
        {
            **{f"documents_{kind}": documents[kind] for kind in ("single", "multi", "deck")},
            "pages_read_now": result.pages_read,
            "gone": len(result.gone),
            "duplicates": len(result.duplicates),
            "readers": ", ".join(sorted(readers)),
            **({"note": gone_note(shard.name, result.gone)} if result.gone else {}),
        },
    )
