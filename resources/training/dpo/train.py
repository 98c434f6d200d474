"""Preference training, run by `accelerate launch -m resources.training.dpo.train --config <json>`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset, Image, List
from transformers import AutoProcessor, PrinterCallback
from trl import DPOConfig, DPOTrainer

from resources.training.arguments import epochs, forecast_run, sharing_devices, starting_point, trainer_settings
from resources.training.dpo.budget import over_budget
from resources.training.dpo.documents import DocumentCollator, by_document, plan_documents
from resources.training.dpo.layout import arrange, document_images
from resources.training.dpo.trainer import DocumentDPOTrainer
from resources.training.forecast import Load
from resources.training.model import adapters, load_model
from resources.training.rows.sequence import RowError
from resources.training.run import Progress, finish_run, partial_folder, run_script
from resources.training.students.resolve import BUILT

NAMED = 10  # pairs that are left out, of which a line says the sizes


def pair_rows(rows: Dataset, processor: Any, layout: Any) -> Dataset:
    """Rows for TRL's own trainer: prompt (with what both sides share), chosen, rejected, images."""
    strings: list[dict[str, Any]] = []
    for group in by_document(rows["example_id"]):
        document = [rows[number] for number in group]
        images = document_images(document)
        strings += [
            {
                "prompt": pair.given,
                "chosen": pair.chosen,
                "rejected": pair.rejected,
                "images": [images[image] for image in pair.chosen_images],
            }
            for pair in arrange(document, layout, processor)
        ]
    return Dataset.from_list(strings).cast_column("images", List(Image()))


def within_budget(rows: Dataset, processor: Any, layout: Any, max_tokens: int, say: Callable[[str], None]) -> Dataset:
    """The rows whose pair fits into a forward pass by itself. Raises RowError where none does."""
    over = over_budget(rows, by_document(rows["example_id"]), processor, layout, max_tokens)
    if not over:
        return rows
    if len(over) == len(rows):
        raise RowError(
            f"Each of the {len(rows)} preference pairs has more than max_tokens = {max_tokens}; the shortest has "
            f"{min(over.values(), key=lambda size: size.tokens)}: raise training.max_tokens of the recipe, or lower "
            "training.max_pixels."
        )
    named = "; ".join(f"{rows[number]['id']} has {size}" for number, size in list(over.items())[:NAMED])
    say(
        f"{len(over)} of {len(rows)} pairs are left out, for they have more than max_tokens = {max_tokens}: {named}"
        + ("; …" if len(over) > NAMED else "")
    )
    return rows.select([number for number in range(len(rows)) if number not in over], keep_in_memory=True)


def keeps_reference(recipe: Mapping[str, Any]) -> bool:
    """Whether the reference's sums are stored before training, which TRL's own trainer cannot. Nor can a model with
    adapters that several devices share: it is its own reference, and shared when training starts."""
    return (
        recipe["packing"] == "documents"
        and recipe["reference"] == "stored"
        and not (recipe["lora_rank"] and sharing_devices(recipe) > 1)
    )


def load_of(recipe: Mapping[str, Any], plan: list[dict[str, Any]], several: float) -> Load:
    """A plan's passes over `several` epochs. The reference is a second model, but where its sums are stored or adapters
    are left out for it."""
    stored = keeps_reference(recipe)
    tokens, attended, vision = (sum(one[name] for one in plan) for name in ("tokens", "attended", "vision_tokens"))
    return Load(
        longest=sum(sorted(one["tokens"] for one in plan)[-recipe["batch"] :]),
        tokens=tokens,
        attended=attended,
        vision_tokens=vision,
        epochs=several,
        reference_passes=1 / several if stored else 1,
        copies=1 if stored or recipe["lora_rank"] else 2,
    )


def settings(recipe: Mapping[str, Any], folder: Path, passes: int, pairs: int) -> DPOConfig:
    """passes: forward passes of one epoch, which hold `pairs` pairs together."""
    sft = recipe["sft_weight"]
    return DPOConfig(
        **trainer_settings(recipe, folder, recipe["pairs_per_update"] * passes / pairs),
        beta=recipe["beta"],
        ld_alpha=recipe["ld_alpha"],
        loss_type=[recipe["loss"], "sft"] if sft else [recipe["loss"]],
        loss_weights=[1.0, sft] if sft else None,
        precompute_ref_log_probs=keeps_reference(recipe),
    )


def train(config: dict[str, Any], say: Callable[[str], None]) -> None:
    recipe, sft = config["recipe"], config["sft"]
    whole = rows = Dataset.from_parquet(config["dataset"], keep_in_memory=False)
    processor = AutoProcessor.from_pretrained(sft)
    if config["student"] in BUILT:  # for any other the quality gate could count, and a row that is over is a fault
        rows = within_budget(whole, processor, recipe["layout"], recipe["max_tokens"], say)
    documents, stored = recipe["packing"] == "documents", keeps_reference(recipe)
    plan = plan_documents(
        rows, by_document(rows["example_id"]), processor, recipe["layout"], recipe["max_tokens"], alone=not documents
    )
    tokens, alone = (sum(one[name] for one in plan) for name in ("tokens", "pair_tokens"))
    say(
        f"{config['student']} from {sft}: {len(rows)} pairs in {len(plan)} forward passes, "
        f"{tokens} tokens (pair by pair {alone})"
    )
    if documents and recipe["reference"] == "stored" and not stored:
        say("the reference is computed in each pass: with adapters it is the model itself, which devices share")
    args = settings(recipe, partial_folder(config), len(plan), len(rows))
    keep = forecast_run(sft, recipe, load_of(recipe, plan, epochs(recipe, args, len(plan))), say)

    def run(checkpoint: str | None) -> tuple[Any, dict[str, Any]]:
        reference = config["reference"]
        # The reference never comes from a resumed run's checkpoint: a copy is loaded where the policy is none, unless
        # its sums are stored already or adapters can be left out.
        needed = not recipe["lora_rank"] and not (stored and (checkpoint is None or Path(reference).exists()))
        more: dict[str, Any] = {
            "model": load_model(starting_point(sft, checkpoint, recipe), recipe),
            "ref_model": load_model(sft, recipe) if needed else None,
            "peft_config": adapters(recipe),
            "args": args,
            "processing_class": processor,
            "callbacks": [Progress(say)],
        }
        trainer: Any
        if documents:
            trainer = DocumentDPOTrainer(
                **more,
                keep=keep,
                train_dataset=Dataset.from_list(plan),
                reference_file=Path(reference),
                data_collator=DocumentCollator(rows, processor, recipe["layout"], recipe["ld_alpha"]),
            )
        else:
            trainer = DPOTrainer(**more, train_dataset=pair_rows(rows, processor, recipe["layout"]))
        trainer.remove_callback(PrinterCallback)
        if checkpoint:
            say(f"going on from {checkpoint}")
        trainer.train(resume_from_checkpoint=checkpoint)
        return trainer, {
            "kind": "dpo",
            "base": sft,
            "left_out": {"over_budget": len(whole) - len(rows)},
            "tokens_pair_by_pair": alone,
            "tokens_packed": tokens,
            **preference_curves(trainer.state.log_history),
        }

    finish_run(config, say, run)


def preference_curves(history: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Per logged step; `from_ln_2` is how far the first step's preference losses are from ln 2 (packed documents)."""
    logged = [entry for entry in history if "rewards/margins" in entry]
    return {
        "accuracies": [entry["rewards/accuracies"] for entry in logged],
        "margins": [entry["rewards/margins"] for entry in logged],
        "from_ln_2": [entry["loss/from_ln_2"] for entry in logged[:1] if "loss/from_ln_2" in entry],
    }


if __name__ == "__main__":
    run_script("dpo", train)
