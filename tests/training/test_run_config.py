"""What an asset writes for a process is what the process reads, under the names that files on disk have had."""

import json
from pathlib import Path

import pytest

from resources.recipe.model import Sampling, Training
from resources.sampling import sampled_by
from resources.training.dpo.hyperparameters import DpoHyperparameters
from resources.training.run_config import DpoRun, GenerationRun, SftRun
from resources.training.sft.hyperparameters import SftHyperparameters

SFT = SftRun(
    dataset=Path("/d/train.parquet"),
    dataset_id="d",
    student="tiny",
    output=Path("/c/sft/a"),
    authors=["teacher"],
    base_folder=Path("/c/base/d"),
    hyperparameters=SftHyperparameters.for_student("tiny", Training()),
)
DPO = DpoRun(
    dataset=Path("/d/train.parquet"),
    dataset_id="d",
    student="tiny",
    output=Path("/c/dpo/b"),
    authors=["critic"],
    sft=Path("/c/sft/a"),
    reference=Path("/d/reference-1.parquet"),
    hyperparameters=DpoHyperparameters.for_student("tiny", Training(ld_alpha=0.5)),
)
GENERATION = GenerationRun(
    models=[{"name": "sft", "path": "/c/sft/a"}],
    prompts=[{"item_id": "1", "prompt": "Write.", "images": ["/i.jpg"], "seed": 1, "max_new_tokens": 8}],
    output=Path("/drafts/a.jsonl"),
    sampling=sampled_by(0.6, Sampling()),
)


@pytest.mark.parametrize("run", [SFT, DPO, GENERATION], ids=lambda run: type(run).__name__)
def test_a_process_reads_what_the_asset_wrote(run: SftRun | DpoRun | GenerationRun) -> None:
    assert type(run).from_json(json.loads(json.dumps(run.as_json()))) == run


def test_files_keep_their_keys() -> None:
    shared = {"dataset", "dataset_id", "student", "output", "authors", "recipe"}
    assert SFT.as_json().keys() == {*shared, "base_folder"}
    assert DPO.as_json().keys() == {*shared, "sft", "reference"}
    assert GENERATION.as_json().keys() == {"models", "prompts", "output", "sampling", "max_pixels"}


def test_a_file_with_a_field_that_no_trainer_knows_is_refused() -> None:
    raw = json.loads(json.dumps(SFT.as_json()))
    with pytest.raises(TypeError, match="pages"):
        SftRun.from_json({**raw, "recipe": {**raw["recipe"], "pages": 1}})
