"""How a checkpoint asset trains: a configuration file, `accelerate launch` through Pipes, and the run's record."""

import json
from pathlib import Path
from typing import Any, Literal

import dagster as dg

from assets.training_dataset import Manifest
from resources.store import Store
from resources.training.checkpoint import faults
from resources.training.launcher import launch_command, launch_env


class TrainingError(RuntimeError):
    """The training process ended badly; the sentence holds its last words."""


def checkpoint_home(store: Store, kind: Literal["sft", "dpo"], run: str) -> Path:
    return store.home / "checkpoints" / kind / run


def current_checkpoint(store: Store, kind: Literal["sft", "dpo"]) -> Path:
    """The checkpoint that was trained last. Raises TrainingError where there is none, or a part of one."""
    pointer = store.home / "checkpoints" / kind / "current.json"
    if not pointer.exists():
        raise TrainingError(f"{pointer} is not there: materialise `{kind}_checkpoint` first.")
    folder = pointer.parent / json.loads(pointer.read_text())["id"]
    if found := faults(folder):
        raise TrainingError(f"The checkpoint {folder} is not whole ({', '.join(found)}): delete it and materialise "
                             f"`{kind}_checkpoint` again.")
    return folder


def train(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient, store: Store, gpus: int,
          gpu_env: dict[str, str], module: str, config: dict[str, Any]) -> bool:
    """Run `module` with `config` until `config["output"]` is whole; false where it was whole already.

    Raises TrainingError. A killed run goes on from its last saved step when it is started again.
    """
    output = Path(config["output"])
    if not faults(output):
        context.log.info(f"{output.name} is trained already, on the same data with the same recipe: skipped.")
        return False
    recipe = config["recipe"]
    if gpus > 1 and recipe["sharding"] == "zero3" and recipe["lora_rank"]:
        raise TrainingError("Adapters cannot be merged into weights that ZeRO-3 shares: set training.sharding = "
                             "\"fsdp2\" in the recipe, or training.lora_rank = 0.")
    path = output.parent / f"{output.name}.json"
    store.write_json(path, config)
    try:
        pipes.run(context=context, command=launch_command(module, path, gpus, recipe["sharding"]),
                  env={**launch_env(), **gpu_env}, cwd=str(Path(__file__).resolve().parents[1]))
    except dg.DagsterError as error:
        failed = Path(f"{output}.failed")
        words = failed.read_text() if failed.exists() else str(error)
        raise TrainingError(f"{module} failed: {words} Its output is in the step's compute log.") from error
    if found := faults(output):
        raise TrainingError(f"{module} ended, and {output} is not whole ({', '.join(found)}): its output is in the "
                             "step's compute log.")
    return True


def read_training(output: Path) -> dict[str, Any]:
    return json.loads((output / "training.json").read_text())


def checkpoint_metadata(output: Path, manifest: Manifest, trained: bool) -> dict[str, Any]:
    """Numbers of the run for the UI to plot, its curves, and honest labels."""
    training = read_training(output)
    losses = training["losses"]
    metadata: dict[str, Any] = {
        "dagster/row_count": manifest.rows, "steps": len(losses), "first_loss": losses[0], "last_loss": losses[-1],
        "seconds": training["seconds"], "trained_now": trained, "student": training["student"],
        "dataset": manifest.id, "path": dg.MetadataValue.path(str(output)),
        "data_by": ", ".join(sorted(manifest.authors)), "embedded": manifest.embedded,
        "tokens": training["tokens"], "tokens_per_second": training["tokens_per_second"],
        "loss_curve": curve("loss", losses),
    }
    for name in ("accuracies", "margins"):
        if training.get(name):
            metadata |= {f"first_{name}": training[name][0], f"last_{name}": training[name][-1],
                         f"{name}_curve": curve(name, training[name])}
    if not trained:
        metadata["note"] = "unchanged inputs, training skipped"
    return metadata


def curve(name: str, values: list[float]) -> dg.MarkdownMetadataValue:
    """Values by step as a small picture inside markdown."""
    import base64

    from assets.quality_report.pictures import curve_picture

    png = base64.b64encode(curve_picture(name, {name: values})).decode()
    return dg.MetadataValue.md(f"![{name} by step](data:image/png;base64,{png})")
