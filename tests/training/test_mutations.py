"""The mutation table: what is quietly wrong in other trainers, done here on purpose, is caught each time.

| mutation | caught by |
|---|---|
| label mask shifted by one | what is trainable is the answer alone; pair by pair equality |
| image tokens in the loss | what is trainable, or scored, is the answer alone (in a prompt of both sides they cancel) |
| rotary positions dropped | packed equals padded; pair by pair equality |
| truncated answer, its end lost | what is trainable is the answer and its end |
| branches of the tree see each other | pair by pair equality |
| the tree dropped, or inside a dict of masks | pair by pair equality, TreeError before an update (test_tree_families) |
| each pass counts the same, not each token | each token counts the same |
| wrong reference model | check starts_at_ln_2 |
| a weight that is NaN | check weights_sound (test_checkpoint_files) |
| a loss that is NaN | check loss_finite |
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import SFTConfig

import tests.training.test_packed_sft as sft
import tests.training.test_tree_dpo as dpo
from assets.dpo_checkpoint.checks import starts_at_ln_2
from assets.sft_checkpoint.checks import finite_losses
from resources.recipe.model import Training
from resources.training.arguments import trainer_settings
from resources.training.dpo import documents as dpo_packing
from resources.training.dpo import trainer as dpo_trainer
from resources.training.rows.dataset_rows import ChatRow, ImageFile
from resources.training.rows.sequence import Tokens
from resources.training.sft import packing as sft_packing
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.sft.packing import PackedCollator
from resources.training.sft.trainer import TokenMeanSFTTrainer
from resources.training.trainable_model import load_model
from tests.training.test_packed_sft import rows  # noqa: F401 (a fixture)
from tests.training.test_tree_dpo import base, images  # noqa: F401 (fixtures)

Change = Callable[[Tokens], Tokens]
TEXT_MUTATIONS: dict[str, Change] = {
    "label mask shifted by one": lambda text: replace(text, trainable=np.roll(text.trainable, -1)),
    "image tokens in the loss": lambda text: replace(text, trainable=text.trainable | text.pads),
    "rotary positions dropped": lambda text: replace(
        text, positions=np.broadcast_to(np.arange(len(text.ids)), (3, len(text.ids)))
    ),
    "truncated answer": lambda text: replace(
        text, ids=text.ids[:-3], trainable=text.trainable[:-3], positions=text.positions[:, :-3], pads=text.pads[:-3]
    ),
}


def mutate(monkeypatch: pytest.MonkeyPatch, module: Any, change: Change) -> None:
    right = module.tokenize
    monkeypatch.setattr(module, "tokenize", lambda *args: change(right(*args)))


@pytest.mark.parametrize("mutation", TEXT_MUTATIONS)
def test_sft_mutations_are_caught(
    mutation: str,
    monkeypatch: pytest.MonkeyPatch,
    base: Path,
    rows: list[ChatRow],
) -> None:
    mutate(monkeypatch, sft_packing, TEXT_MUTATIONS[mutation])
    properties = (
        sft.test_what_is_trainable_is_the_answer_and_its_end_alone,
        sft.test_packed_samples_have_the_losses_of_padded_ones,
    )
    caught = properties[1] if mutation == "rotary positions dropped" else properties[0]
    with pytest.raises(AssertionError):
        caught(base, rows)


@pytest.mark.parametrize("mutation", [*TEXT_MUTATIONS, "branches see each other"])
def test_dpo_mutations_are_caught(
    mutation: str,
    monkeypatch: pytest.MonkeyPatch,
    base: Path,
    images: list[ImageFile],
    tmp_path: Path,
) -> None:
    if mutation == "branches see each other":
        right = dpo_trainer.tree_input
        monkeypatch.setattr(
            dpo_trainer,
            "tree_input",
            lambda ends, implementation: right(torch.full_like(ends, len(ends)), implementation),
        )
    else:
        mutate(monkeypatch, dpo_packing, TEXT_MUTATIONS[mutation])
    if mutation == "image tokens in the loss":
        with pytest.raises(AssertionError):
            dpo.test_what_is_scored_is_the_text_of_the_answers_alone("images_first", base, images)
        return
    with pytest.raises(AssertionError):
        dpo.test_one_forward_pass_equals_pair_by_pair("both", "images_first", False, {}, base, images, tmp_path)


def test_a_mean_of_means_is_caught(
    monkeypatch: pytest.MonkeyPatch,
    base: Path,
    rows: list[ChatRow],
    tmp_path: Path,
) -> None:
    """Stock SFTTrainer on Qwen2.5-VL: a token of a short sample counts more than one of a long sample."""
    from trl import SFTTrainer

    monkeypatch.setattr(sft, "TokenMeanSFTTrainer", SFTTrainer)
    with pytest.raises(AssertionError):
        sft.test_each_token_counts_the_same_however_samples_are_spread_over_passes(base, rows, tmp_path)


def first_step(base: Path, images: list[ImageFile], folder: Path, wrong: bool) -> dict[str, Any]:
    """The training record of one step, with a right or a wrong reference."""
    processor = AutoProcessor.from_pretrained(base)
    pairs = dpo.shared_prefix(images)
    policy, reference = (AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32) for _ in range(2))
    if wrong:
        dpo.disturb(reference.parameters())
    plan = dpo_packing.plan_documents(pairs, [[0, 1, 2]], processor, "images_first", 10_000)
    trainer = dpo_trainer.DocumentDPOTrainer(
        model=policy,
        ref_model=reference,
        args=dpo.settings(folder, max_steps=1, save_strategy="no", logging_steps=1),
        train_dataset=Dataset.from_list(plan),
        processing_class=processor,
        data_collator=dpo_packing.DocumentCollator(pairs, processor, "images_first"),
    )
    trainer.train()
    [first] = [entry for entry in trainer.state.log_history if "loss/from_ln_2" in entry]
    return {
        "losses": [first["loss"]],
        "from_ln_2": [first["loss/from_ln_2"]],
        "recipe": {"dtype": "float32", "sft_weight": 0.0},
    }


@pytest.mark.parametrize("wrong", [False, True])
def test_a_wrong_reference_model_is_caught(
    wrong: bool,
    base: Path,
    images: list[ImageFile],
    tmp_path: Path,
) -> None:
    assert starts_at_ln_2(first_step(base, images, tmp_path, wrong)).passed is not wrong


def test_a_loss_that_is_nan_is_caught(base: Path, rows: list[ChatRow], tmp_path: Path) -> None:
    hyperparameters = replace(SftHyperparameters.for_student("tiny", Training()), max_steps=1)
    processor, model = AutoProcessor.from_pretrained(base), load_model(str(base), hyperparameters)
    with torch.no_grad():
        model.lm_head.weight[0, 0] = float("nan")
    trainer = TokenMeanSFTTrainer(
        model=model,
        args=SFTConfig(**trainer_settings(hyperparameters, tmp_path, 1), remove_unused_columns=False),
        train_dataset=Dataset.from_list(rows),
        processing_class=processor,
        data_collator=PackedCollator(processor),
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert not finite_losses(losses).passed
