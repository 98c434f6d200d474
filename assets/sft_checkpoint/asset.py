"""The asset `sft_checkpoint`: the student after supervised fine-tuning on what the quality gate let through."""

from pathlib import Path

import dagster as dg

from assets.checkpoint_card import write_card
from assets.quality.gate import GateClosedError
from assets.recipe_nodes import RecipeResource, version_tags
from assets.sft_checkpoint.step import STEP
from assets.step_asset import step_asset
from assets.training_dataset import current_manifest
from assets.training_run import checkpoint_metadata, train
from resources.dagster import GpuResource, StoreResource, clear_failures
from resources.recipe.read import RecipeError
from resources.store import Store
from resources.training.checkpoint import TrainingError, checkpoint_home
from resources.training.run_config import SftRun
from resources.training.run_id import run_id
from resources.training.sft.hyperparameters import SftHyperparameters


@step_asset(STEP, kinds={"trl", "torch"})
def sft_checkpoint(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    recipe: RecipeResource,
    gpu: GpuResource,
    pipes: dg.PipesSubprocessClient,
) -> dg.MaterializeResult[None]:
    """TRL's SFTTrainer in a process of its own; skipped where data, student and recipe did not change."""
    with clear_failures(GateClosedError, RecipeError, TrainingError):
        tables, made_with = store.create(), recipe.of(STEP)
        student = made_with.settings.student
        manifest = current_manifest(tables, "sft")
        hyperparameters = SftHyperparameters.for_student(student, made_with.recipe.training)
        run = run_id(dataset=manifest.id, student=student, recipe=hyperparameters.named())
        output = checkpoint_home(tables, "sft", run)
        trained = train(
            context,
            pipes,
            tables,
            len(gpu.devices()),
            gpu.env(),
            "resources.training.sft.train",
            SftRun(
                dataset=Path(manifest.path),
                dataset_id=manifest.id,
                student=student,
                output=output,
                authors=sorted(manifest.authors),
                base_folder=base_folder(tables, student, manifest.id),
                hyperparameters=hyperparameters,
            ),
        )
        if trained:
            write_card(tables, output, manifest)
        tables.write_json(output.parent / "current.json", {"id": run})
        metadata = checkpoint_metadata(output, manifest, trained)
    return dg.MaterializeResult(data_version=dg.DataVersion(run), tags=version_tags(made_with), metadata=metadata)


def base_folder(store: Store, student: str, dataset: str) -> Path:
    """Where a student that is built here is kept: one for each student, because what is there is not built again."""
    name = dataset if student == "tiny" else f"{Path(student).name}-{dataset}"
    return store.home / "checkpoints" / "base" / name
