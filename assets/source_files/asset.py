"""The asset `source_files`: what became of every file under LWV_SOURCES."""

from collections.abc import Iterator

import dagster as dg

from assets.quality.quarantine import ALL_SHARDS
from assets.recipe_nodes import RecipeResource, version_tags
from assets.shard_table import identity_metadata
from assets.source_files.account import account
from assets.source_files.schema import SOURCE_FILES, SourceFile
from assets.source_files.step import STEP
from assets.source_files.summary import FileTally
from assets.source_images.catalog import Catalog, CatalogError, NoSourcesError
from assets.step_asset import step_asset
from resources.dagster import SourcesResource, StoreResource, clear_failures
from resources.recipe.read import RecipeError


@step_asset(STEP, kinds={"parquet"})
def source_files(
    context: dg.AssetExecutionContext, store: StoreResource, sources: SourcesResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """A row per file: read, refused, ignored, removed or waiting, why, and what to do about it."""
    with clear_failures(CatalogError, RecipeError):
        tables, settings, made_with = store.create(), sources.settings(), recipe.of(STEP)
        catalog, tally = Catalog(tables.home, settings.sources, settings), FileTally()
        notes = list[str]()
        try:
            catalog.scan()
        except NoSourcesError as error:  # what was there once, and what is no document, has rows all the same
            notes.append(str(error))

        def rows() -> Iterator[SourceFile]:
            for row in account(catalog, tables):
                tally.add(row)
                yield row

        identity = made_with.identity(SOURCE_FILES.version, {})
        count = tables.write_table(SOURCE_FILES, ALL_SHARDS, rows(), identity)
        notes += tally.notes
        identity = tables.identity(SOURCE_FILES.name, ALL_SHARDS) or identity
    return dg.MaterializeResult(
        data_version=dg.DataVersion(identity.content),
        tags=version_tags(made_with),
        metadata={
            "dagster/row_count": count,
            **{became: tally.became[became] for became in ("read", "refused", "ignored", "removed", "waiting")},
            "not_read": tally.sentence(),
            "path": dg.MetadataValue.path(str(tables.table_path(SOURCE_FILES.name, ALL_SHARDS))),
            **identity_metadata(identity),
            **({"note": "; ".join(notes)} if notes else {}),
        },
    )
