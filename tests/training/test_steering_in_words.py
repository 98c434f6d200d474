"""What a recipe asks of a run and cannot have, and an early end, are said; none of it ends the run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from transformers import TrainingArguments

from resources.training import ways
from resources.training.arguments import trainer_settings
from resources.training.dpo import train as dpo
from resources.training.sft import train as sft
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.ways import PackageError, without_effect
from tests.training.test_families import data as data
from tests.training.test_families import dpo_run, sft_run
from tests.training.test_families import one_thread as one_thread
from tests.training.test_packed_sft import rows as sft_rows  # noqa: F401 (of `data`)


@pytest.fixture(scope="module")
def one_document(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rows and pairs that begin with the first page."""
    folder = tmp_path_factory.mktemp("one")
    for name in ("sft", "dpo"):
        table = pq.read_table(data / f"{name}.parquet")
        pq.write_table(table.filter(pc.greater(pc.list_value_length(table["images"]), 0)), folder / f"{name}.parquet")
    return folder


def test_where_there_is_one_document_none_is_held_back_and_it_trains(
    students: dict[str, Path], one_document: Path, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {"validation_share": 0.2, "patience": 2, "max_steps": 2, "batch": 1}
    said: list[str] = []
    sft.train(sft_run(students["qwen2_5_vl"], one_document, tmp_path / "sft", **asked), said.append)
    dpo.train(dpo_run(students["qwen2_5_vl"], one_document, tmp_path / "dpo", **asked), said.append)
    assert sum("one document alone, so none is held back" in line for line in said) == 2
    assert (tmp_path / "sft" / "training.json").exists()
    assert (tmp_path / "dpo" / "training.json").exists()


def test_an_early_end_is_said_with_the_step_whose_weights_are_kept(
    students: dict[str, Path], data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    run = sft_run(
        students["qwen2_5_vl"],
        data,
        tmp_path / "early",
        learning_rate=1e-30,
        validation_share=0.5,
        eval_steps=1,
        patience=2,
        max_steps=9,
        batch=1,
    )
    sft.train(run, said.append)
    (line,) = [line for line in said if "ended early" in line]
    assert "of 9: 2 looks without a lower loss of what is held back; the weights are those of this step" in line
    assert "load_best_model_at_end" not in capfd.readouterr().err


def test_what_has_no_effect_is_said() -> None:
    own = SftHyperparameters(freeze_vision=False)
    assert without_effect(own) == []
    assert "vision tower and its merger are not trained" in without_effect(replace(own, lora_rank=8))[0]
    assert "vision_rate and merger_rate" in without_effect(SftHyperparameters(merger_rate=1e-5))[0]
    assert "eval_steps has no effect" in without_effect(replace(own, eval_steps=5))[0]


def test_a_warm_up_over_all_steps_is_over_all_steps(tmp_path: Path) -> None:
    settings = trainer_settings(SftHyperparameters(warmup_share=1.0, dtype="float32"), tmp_path, 1)
    wanted = ("output_dir", "warmup_steps", "use_cpu", "bf16")
    assert TrainingArguments(**{name: settings[name] for name in wanted}).get_warmup_steps(1000) == 1000


def test_curves_of_a_package_that_is_not_installed_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "find_spec", lambda name: None)
    with pytest.raises(PackageError, match=r'training.reports = "wandb" needs the package wandb: pip install wandb'):
        ways.require_reports("wandb")
    ways.require_reports("none")
