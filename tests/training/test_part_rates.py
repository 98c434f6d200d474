"""A vision tower and its merger learn at rates of their own, in each way of training."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from resources.training.dpo import train as dpo
from resources.training.sft import train as sft
from resources.training.steered_trainer import part_of
from tests.training.test_families import data as data
from tests.training.test_families import dpo_run, sft_run
from tests.training.test_families import one_thread as one_thread
from tests.training.test_packed_sft import rows as sft_rows  # noqa: F401 (of `data`)

STILL = {"freeze_vision": False, "vision_rate": 1e-30, "merger_rate": 1e-3, "max_steps": 4, "batch": 1}


def moved(before: Path, after: Path) -> dict[str, float]:
    """Part -> the largest change of one of its weights."""
    old, new = load_file(before / "model.safetensors"), load_file(after / "model.safetensors")
    found: dict[str, float] = {}
    for name, value in new.items():
        part = part_of(name)
        found[part] = max(found.get(part, 0.0), torch.max(torch.abs(value - old[name])).item())
    return found


@pytest.mark.parametrize("kind", ["qwen2_5_vl", "internvl"])
def test_each_part_moves_at_its_own_rate_in_fine_tuning(kind: str, students: dict[str, Path], data: Path) -> None:
    run = sft_run(students[kind], data, data / f"sft-{kind}", **STILL)
    sft.train(run, lambda line: None)
    found = moved(students[kind], run.output)
    assert found["vision"] < 1e-12
    assert found["merger"] > 1e-5
    assert found["text"] > 1e-5


@pytest.mark.parametrize(
    ("kind", "packing"), [("qwen2_5_vl", "documents"), ("qwen2_5_vl", "pairs"), ("internvl", "pairs")]
)
def test_each_part_moves_at_its_own_rate_in_preference_training(
    kind: str, packing: str, students: dict[str, Path], data: Path
) -> None:
    run = dpo_run(students[kind], data, data / f"dpo-{kind}-{packing}", **STILL, packing=packing)
    dpo.train(run, lambda line: None)
    found = moved(students[kind], run.output)
    assert found["vision"] < 1e-12
    assert found["merger"] > 1e-6
    assert found["text"] > 1e-6
