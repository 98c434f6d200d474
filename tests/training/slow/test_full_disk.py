"""A disk that fills while a checkpoint is saved: one sentence; after room was made the weights of an unbroken run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resources.training.launcher import launch_env
from resources.training.run_config import DpoRun, SftRun
from resources.training.sft import train as sft
from tests.preflight.test_full_disk import Sized
from tests.preflight.test_full_disk import disk as disk
from tests.training.test_families import data as data
from tests.training.test_families import one_thread as one_thread
from tests.training.test_families import sft_run
from tests.training.test_packed_sft import rows as sft_rows  # noqa: F401 (of `data`)
from tests.training.test_training import ROOT, largest_difference


@pytest.fixture(scope="module")
def unbroken(students: dict[str, Path], data: Path) -> Path:
    run = sft_run(students["qwen2_5_vl"], data, data / "unbroken")
    sft.train(run, lambda line: None)
    return run.output


def ran(kind: str, run: SftRun | DpoRun, path: Path) -> subprocess.CompletedProcess[str]:
    path.write_text(json.dumps(run.as_json()))
    return subprocess.run(
        [sys.executable, "-m", f"resources.training.{kind}.train", "--config", str(path)],
        cwd=ROOT,
        env={**os.environ, **launch_env(), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("size", ["300k", "3m", "7m", "9m", "11m"])
def test_training_whose_disk_fills_says_so_and_goes_on(
    size: str, disk: Sized, students: dict[str, Path], data: Path, unbroken: Path, tmp_path: Path
) -> None:
    folder = disk(size)
    run = sft_run(students["qwen2_5_vl"], data, folder / "sft" / "one")
    run.output.parent.mkdir()
    first = ran("sft", run, tmp_path / "config.json")
    if first.returncode == 0:
        assert size == "11m", first.stdout
        return
    assert not run.output.exists()
    assert "is full: free some space" in first.stderr.strip().splitlines()[-1], first.stderr
    assert "Traceback" not in first.stderr
    disk("60m")
    second = ran("sft", run, tmp_path / "config.json")
    assert second.returncode == 0, second.stderr
    assert largest_difference(run.output, unbroken) < 1e-6
    shutil.rmtree(run.output.parent)
