"""Compiled layers end with the weights of those that are not; an optimizer of 8 bits trains as the usual one."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch._dynamo.utils import counters

from resources.training.launcher import launch_env
from resources.training.rows.dataset_rows import ChatRow
from resources.training.trainable_model import compile_layers
from tests.training.test_families import data as data
from tests.training.test_families import sft_run
from tests.training.test_model import HYPERPARAMETERS, trainer_of
from tests.training.test_packed_sft import base as base
from tests.training.test_packed_sft import rows as rows
from tests.training.test_packed_sft import rows as sft_rows  # noqa: F401 (of `data`)
from tests.training.test_training import ROOT, largest_difference


@pytest.mark.parametrize("rank", [0, 4])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_compiled_layers_end_with_the_same_weights_and_share_their_graphs(
    checkpointing: bool, rank: int, base: Path, rows: list[ChatRow], tmp_path: Path
) -> None:
    torch._dynamo.reset()
    hyperparameters = replace(HYPERPARAMETERS, lora_rank=rank, gradient_checkpointing=checkpointing)
    weights = []
    for compiled in (False, True):
        torch.manual_seed(0)  # adapters are drawn
        trainer = trainer_of(base, rows, tmp_path, hyperparameters)
        counters.clear()
        if compiled:
            compile_layers(trainer.layers)
        trainer.train()
        weights.append({name: weight.detach() for name, weight in trainer.model.named_parameters()})
    assert not counters["graph_break"]
    assert 0 < counters["stats"]["unique_graphs"] <= 2  # of four passes of their own lengths through two layers
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-4, atol=1e-5)


def test_moments_of_one_byte_train_about_as_those_of_four(data: Path, students: dict[str, Path]) -> None:
    found = {}
    packages = data / "packages"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages)]
    subprocess.run([*command, "torchao>=0.18,<0.19"], check=True)
    for optimizer in ("adamw", "adamw_8bit"):
        run = sft_run(students["qwen2_5_vl"], data, data / optimizer, optimizer=optimizer, max_steps=8, batch=1)
        path = data / f"{optimizer}.json"
        path.write_text(json.dumps(run.as_json()))
        paths = os.pathsep.join([str(ROOT), str(packages)])
        done = subprocess.run(
            [sys.executable, "-m", "resources.training.sft.train", "--config", str(path)],
            cwd=ROOT,
            env={**os.environ, **launch_env(), "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found[optimizer] = json.loads((run.output / "training.json").read_text())["losses"]
    assert found["adamw_8bit"] == pytest.approx(found["adamw"], abs=0.05)
    assert found["adamw_8bit"] != found["adamw"]
    assert largest_difference(data / "adamw_8bit", data / "adamw") < 0.01
