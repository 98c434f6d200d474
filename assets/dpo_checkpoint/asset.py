"""The asset `dpo_checkpoint`: the SFT checkpoint after preference training on what the quality gate let through."""

from pathlib import Path

import dagster as dg

from assets.checkpoint_card import write_card
from assets.dpo_checkpoint.step import STEP
from assets.quality.gate import GateClosedError
from assets.recipe_nodes import RecipeResource, version_tags
from assets.step_asset import step_asset
from assets.training_dataset import current_manifest
from assets.training_run import checkpoint_metadata, train
from resources.dagster import GpuResource, StoreResource, clear_failures
from resources.recipe.read import RecipeError
from resources.training.checkpoint import TrainingError, checkpoint_home, current_checkpoint
from resources.training.dpo.hyperparameters import DpoHyperparameters
from resources.training.run_config import DpoRun
from resources.training.run_id import run_id


@step_asset(STEP, kinds={"trl", "torch"})
def dpo_checkpoint(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    recipe: RecipeResource,
    gpu: GpuResource,
    pipes: dg.PipesSubprocessClient,
) -> dg.MaterializeResult[None]:
    """TRL's DPOTrainer in a process of its own, from the SFT checkpoint; skipped where nothing changed."""
    with clear_failures(GateClosedError, RecipeError, TrainingError):
        tables, made_with = store.create(), recipe.of(STEP)
        student = made_with.settings.student
        manifest = current_manifest(tables, "preference")
        sft = current_checkpoint(tables, "sft")
        hyperparameters = DpoHyperparameters.for_student(student, made_with.recipe.training)
        run = run_id(dataset=manifest.id, sft=sft.name, recipe=hyperparameters.named())
        output = checkpoint_home(tables, "dpo", run)
        trained = train(
            context,
            pipes,
            tables,
            len(gpu.devices()),
            gpu.env(),
            "resources.training.dpo.train",
            DpoRun(
                dataset=Path(manifest.path),
                dataset_id=manifest.id,
                student=student,
                output=output,
                authors=sorted(manifest.authors),
                sft=sft,
                reference=reference_file(manifest.path, sft.name, hyperparameters),
                hyperparameters=hyperparameters,
            ),
        )
        if trained:
            write_card(tables, output, manifest)
        tables.write_json(output.parent / "current.json", {"id": run})
        metadata = checkpoint_metadata(output, manifest, trained)
    return dg.MaterializeResult(data_version=dg.DataVersion(run), tags=version_tags(made_with), metadata=metadata)


def reference_file(dataset: str, sft: str, hyperparameters: DpoHyperparameters) -> Path:
    """Beside the data set: the reference's log-probabilities, which depend on the checkpoint and on these alone."""
    key = run_id(
        sft=sft,
        layout=hyperparameters.layout,
        ld_alpha=hyperparameters.ld_alpha,
        dtype=hyperparameters.dtype,
        adapters=hyperparameters.lora_rank > 0,
        max_tokens=hyperparameters.max_tokens,
    )
    return Path(dataset).with_name(f"reference-{key}.parquet")
