"""Two processes on the CPU share a student's weights by FSDP2, as two GPUs would, and end with the weights of one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from resources.training.dpo import train as dpo
from resources.training.launcher import CONFIGURATIONS, launch_env
from resources.training.run_config import DpoRun, SftRun
from resources.training.sft import train as sft
from tests.training.test_families import (
    TYPES,
    dpo_run,
    sft_run,
)
from tests.training.test_families import data as data
from tests.training.test_families import one_thread as one_thread
from tests.training.test_packed_sft import rows as sft_rows  # noqa: F401
from tests.training.test_training import ROOT, largest_difference


def shared(kind: str, run: SftRun | DpoRun, path: Path) -> str:
    """What two processes say that train under the settings of fsdp2.yaml, which accelerate hands on as here."""
    path.write_text(json.dumps(run.as_json()))
    settings: dict[str, Any] = yaml.safe_load((CONFIGURATIONS / "fsdp2.yaml").read_text())["fsdp_config"]
    environment = {name.upper(): str(value).lower() for name, value in settings.items()}
    environment["FSDP_AUTO_WRAP_POLICY"] = settings["fsdp_auto_wrap_policy"]
    environment["FSDP_STATE_DICT_TYPE"] = settings["fsdp_state_dict_type"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    done = subprocess.run(
        [*command, "-m", f"resources.training.{kind}.train", "--config", str(path)],
        cwd=ROOT,
        env={**os.environ, **launch_env(), **environment, "ACCELERATE_USE_FSDP": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", TYPES)
def test_two_processes_that_share_a_students_weights_fine_tune_to_the_weights_of_one(
    kind: str, students: dict[str, Path], data: Path
) -> None:
    changed = {"batch": 1, "max_steps": 2, "sharding": "fsdp2"}
    alone = sft_run(students[kind], data, data / f"alone-{kind}", **changed)
    sft.train(alone, lambda line: None)
    together = sft_run(students[kind], data, data / f"together-{kind}", **changed)
    shared("sft", together, data / f"together-{kind}.json")
    assert largest_difference(together.output, alone.output) < 1e-5
    assert largest_difference(together.output, students[kind]) > 1e-4


def test_two_processes_that_share_the_weights_train_on_trees_like_one(students: dict[str, Path], data: Path) -> None:
    """The tree is checked there too, on both at once."""
    changed = {"pairs_per_update": 3, "max_steps": 2, "sharding": "fsdp2", "reference": "live"}
    alone = dpo_run(students["qwen3_vl"], data, data / "alone-dpo", **changed)
    dpo.train(alone, lambda line: None)
    together = dpo_run(students["qwen3_vl"], data, data / "together-dpo", **changed)
    shared("dpo", together, data / "together-dpo.json")
    assert largest_difference(together.output, alone.output) < 1e-5
    assert largest_difference(together.output, students["qwen3_vl"]) > 1e-5
