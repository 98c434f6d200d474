"""Training loses what it lost before: a package that changes a loss, a schedule or an optimiser is seen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from testing.loss_curves import STEPS, STORED

ROOT = Path(__file__).resolve().parents[2]
# Relative. CPUs add up in another order: with ATen, MKL and oneDNN held to SSE4, AVX2 and AVX-512, on one thread and on
# two, curves of SFT were up to 1e-7 apart, and curves of DPO, whose losses follow from small differences of large sums,
# up to 2e-6. A weight decay of 0.01 moves them by 1e-5 and 2.3e-5, a learning rate 1 % higher by 1e-3 and 3e-3.
TOLERANCE = {"sft": 5e-6, "dpo": 2e-5}


def test_ten_steps_of_sft_and_dpo_have_the_losses_that_are_stored(tmp_path: Path) -> None:
    found = tmp_path / "curves.json"
    subprocess.run([sys.executable, "-m", "testing.loss_curves", "--write", str(found)], cwd=ROOT, check=True)
    now, before = (json.loads(path.read_text()) for path in (found, STORED))
    for kind, tolerance in TOLERANCE.items():
        assert len(before[kind]) == STEPS
        assert now[kind] == pytest.approx(before[kind], rel=tolerance), (
            f"{kind} loses otherwise than with {before['versions']}; here are {now['versions']}. "
            "If that is meant, store the new curves: python -m testing.loss_curves --write"
        )
