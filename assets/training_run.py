"""How a checkpoint asset trains: a configuration file, `accelerate launch` through Pipes, and the run's record."""

import base64
from pathlib import Path

import dagster as dg

from assets.training_dataset import Manifest, bring_images_home
from resources.charts import curve_picture
from resources.dagster import Metadata, MetadataEntry, counts_table
from resources.home import require_room
from resources.store import Store
from resources.training.checkpoint import TrainingError, faults, read_training
from resources.training.launcher import launch_command, launch_env
from resources.training.run_config import TrainingRun
from resources.vllm.own_servers import OWN_SERVERS


def train(
    context: dg.AssetExecutionContext,
    pipes: dg.PipesSubprocessClient,
    store: Store,
    gpus: int,
    gpu_env: dict[str, str],
    module: str,
    run: TrainingRun,
) -> bool:
    """Run `module` until `run.output` is whole; false where it was whole already.

    Raises TrainingError, StorageError. A killed run resumes from its last saved step when it is started again.
    """
    output, hyperparameters = run.output, run.hyperparameters
    if not faults(output):
        context.log.info("%s is trained already, on the same data with the same recipe: skipped.", output.name)
        return False
    if gpus > 1 and hyperparameters.sharding == "zero3" and hyperparameters.lora_rank:
        raise TrainingError(
            "Adapters cannot be merged into weights that ZeRO-3 shares: set training.sharding = "
            '"fsdp2" in the recipe, or training.lora_rank = 0.'
        )
    bring_images_home(store, run.dataset)
    require_room(store.home)
    path = output.parent / f"{output.name}.json"
    store.write_json(path, run.as_json())
    OWN_SERVERS.let_go()  # its memory is training's
    try:
        pipes.run(
            context=context,
            command=launch_command(module, path, gpus, hyperparameters.sharding),
            env={**launch_env(), **gpu_env},
            cwd=str(Path(__file__).resolve().parents[1]),
        )
    except dg.DagsterError as error:
        failed = Path(f"{output}.failed")
        words = failed.read_text() if failed.exists() else str(error)
        raise TrainingError(f"{module} failed: {words} Its output is in the step's compute log.") from error
    if found := faults(output):
        raise TrainingError(
            f"{module} ended, and {output} is not whole ({', '.join(found)}): its output is in the step's compute log."
        )
    return True


def checkpoint_metadata(output: Path, manifest: Manifest, trained: bool) -> Metadata:
    """Numbers of the run for the UI to plot, its curves, and honest labels."""
    training = read_training(output)
    losses = training["losses"]
    metadata: dict[str, MetadataEntry] = {
        "dagster/row_count": manifest.rows,
        "steps": len(losses),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "seconds": training["seconds"],
        "trained_now": trained,
        "student": training["student"],
        "dataset": manifest.id,
        "path": dg.MetadataValue.path(str(output)),
        "data_by": ", ".join(sorted(manifest.authors)),
        "embedded": manifest.embedded,
        "tokens": training["tokens"],
        "tokens_per_second": training["tokens_per_second"],
        "loss_curve": curve("loss", losses),
    }
    for name, values in (("accuracies", training.get("accuracies")), ("margins", training.get("margins"))):
        if values:
            metadata |= {
                f"first_{name}": values[0],
                f"last_{name}": values[-1],
                f"{name}_curve": curve(name, values),
            }
    left_out = {f"left_out_{reason}": count for reason, count in training.get("left_out", {}).items()}
    metadata |= dict(counts_table(left_out))
    if not trained:
        metadata["note"] = "unchanged inputs, training skipped"
    return metadata


def curve(name: str, values: list[float]) -> dg.MarkdownMetadataValue:
    """Values by step as a small picture inside markdown."""
    png = base64.b64encode(curve_picture(name, {name: values})).decode()
    return dg.MetadataValue.md(f"![{name} by step](data:image/png;base64,{png})")
