"""The whole factory as Dagster loads it. `build_defs` lets tests and other deployments swap any layer."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.benchmark_scores.asset import benchmark_scores
from assets.benchmark_scores.checks import benchmark_scores_checks
from assets.corrected_segments.asset import corrected_segments
from assets.corrected_segments.checks import CHECKS as CORRECTED_SEGMENTS
from assets.dpo_checkpoint.asset import dpo_checkpoint
from assets.dpo_checkpoint.checks import dpo_checkpoint_checks
from assets.drafts.asset import drafts
from assets.drafts.checks import CHECKS as DRAFTS
from assets.instructions.asset import instructions
from assets.instructions.checks import CHECKS as INSTRUCTIONS
from assets.long_outputs.asset import long_outputs
from assets.long_outputs.checks import CHECKS as LONG_OUTPUTS
from assets.partitions import SHARDS
from assets.preference_dataset.asset import preference_dataset
from assets.preference_dataset.checks import preference_dataset_checks
from assets.preference_pairs.asset import preference_pairs
from assets.preference_pairs.checks import CHECKS as PREFERENCE_PAIRS
from assets.quality.asset_checks import quality_checks
from assets.quality_report.asset import quality_report
from assets.segments.asset import segments
from assets.segments.checks import CHECKS as SEGMENTS
from assets.sft_checkpoint.asset import sft_checkpoint
from assets.sft_checkpoint.checks import sft_checkpoint_checks
from assets.sft_dataset.asset import sft_dataset
from assets.sft_dataset.checks import sft_dataset_checks
from assets.source_images.asset import source_images
from assets.source_images.checks import CHECKS as SOURCE_IMAGES
from lwv_dagster.jobs import default_jobs
from lwv_dagster.sensors import default_sensors
from lwv_dagster.terminal import terminal_logger
from resources.dagster import GpuResource, ModelsResource, SourcesResource, StoreResource

# Group (as the UI shows it) -> its assets, in lineage order.
ASSET_GROUPS: Mapping[str, list[dg.AssetsDefinition]] = {
    "sources": [source_images, instructions],
    "writing": [long_outputs],
    "preferences": [drafts, segments, corrected_segments, preference_pairs],
    "quality_gates": [sft_dataset, preference_dataset],
    "training": [sft_checkpoint, dpo_checkpoint],
    "evaluation": [benchmark_scores, quality_report],
}

default_assets = [
    asset.with_attributes(group_names_by_key={asset.key: group})
    for group, assets in ASSET_GROUPS.items()
    for asset in assets
]

default_checks = [
    *(
        quality_checks(name, checks, SHARDS)
        for name, checks in {
            "source_images": SOURCE_IMAGES,
            "instructions": INSTRUCTIONS,
            "long_outputs": LONG_OUTPUTS,
            "drafts": DRAFTS,
            "segments": SEGMENTS,
            "corrected_segments": CORRECTED_SEGMENTS,
            "preference_pairs": PREFERENCE_PAIRS,
        }.items()
    ),
    sft_dataset_checks,
    preference_dataset_checks,
    sft_checkpoint_checks,
    dpo_checkpoint_checks,
    benchmark_scores_checks,
]

default_resources: Mapping[str, Any] = {
    "store": StoreResource(),
    "sources": SourcesResource(),
    "models": ModelsResource(),
    "gpu": GpuResource(),
    "pipes": dg.PipesSubprocessClient(),
}


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The factory's definitions; `resource_overrides` replaces resources by key."""
    return dg.Definitions(
        assets=default_assets,
        asset_checks=default_checks,
        jobs=default_jobs,
        sensors=default_sensors,
        resources={**default_resources, **(resource_overrides or {})},
        loggers={"console": dg.colored_console_logger, "terminal": terminal_logger},
        # A shard's steps run one after the other anyway, and each process of its own would import everything again.
        executor=dg.in_process_executor,
    )


defs = build_defs()
