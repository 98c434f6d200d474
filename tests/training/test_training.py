"""Training on the tiny student: what is trained, what is not, and that the same run is the same run."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.sft_dataset.schema import SFT_DATASET
from resources.recipe.model import Sampling, Training
from resources.sampling import sampled_by
from resources.training.dpo.hyperparameters import DpoHyperparameters
from resources.training.dpo.pair_sizes import pair_sizes
from resources.training.generation_lines import PromptLine
from resources.training.launcher import launch_command, launch_env
from resources.training.run_config import DpoRun, GenerationRun, SftRun
from resources.training.run_id import run_id
from resources.training.sft.hyperparameters import SftHyperparameters
from tests.training.conftest import INJECTED

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads add up in another order each time; with one the same run gives the same weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def sft_run(data: Path, output: Path, **changed: Any) -> SftRun:
    own = SftHyperparameters.for_student("tiny", Training())
    return SftRun(
        dataset=data / "sft.parquet",
        dataset_id="d",
        student="tiny",
        output=output,
        base_folder=data / "base",
        authors=["embedded-teacher-1"],
        hyperparameters=replace(own, **{"max_steps": 4, "save_steps": 2, **changed}),
    )


def launch(
    module: str,
    run: SftRun | DpoRun | GenerationRun,
    path: Path,
    kill_at: str | None = None,
    processes: int = 1,
    stop_at: str | None = None,
) -> str:
    """Run the script as the asset does; with `kill_at`, kill -9 its whole group once it prints that; with `stop_at`,
    ask the launcher to end."""
    path.write_text(json.dumps(run.as_json()))
    command = (
        launch_command(module, path, 0)
        if processes == 1
        else [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc_per_node",
            str(processes),
            "--standalone",
            "-m",
            module,
            "--config",
            str(path),
        ]
    )
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **launch_env()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if kill_at and kill_at in line:
                os.killpg(process.pid, 9)
            if stop_at and stop_at in line:
                process.terminate()
        code = process.wait()
    finally:  # where the test was stopped
        if process.poll() is None:
            os.killpg(process.pid, 9)
    assert kill_at or code == (128 + signal.SIGTERM if stop_at else 0), "".join(lines)
    return "".join(lines)


@pytest.fixture(scope="module")
def sft(data: Path) -> Path:
    launch("resources.training.sft.train", sft_run(data, data / "sft"), data / "sft.json")
    return data / "sft"


def test_a_checkpoint_is_whole_loads_offline_and_says_who_wrote_its_data(sft: Path) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    record = json.loads((sft / "training.json").read_text())
    assert record["steps"] == len(record["losses"]) == 4
    assert all(math.isfinite(loss) for loss in record["losses"])
    assert (record["embedded"], record["authors"]) == (True, ["embedded-teacher-1"])
    assert len(record["wrote"]) == 8
    model, processor = AutoModelForImageTextToText.from_pretrained(sft), AutoProcessor.from_pretrained(sft)
    assert model.config.model_type == "qwen2_5_vl"
    assert processor.tokenizer.eos_token == "<|im_end|>"
    assert not any(sft.parent.glob("sft.partial*"))


def test_control_tokens_in_a_request_are_ordinary_text(sft: Path) -> None:
    from transformers import AutoProcessor

    from resources.training.rows.chat import render_answer, render_prompt

    tokenizer = AutoProcessor.from_pretrained(sft).tokenizer
    processor = AutoProcessor.from_pretrained(sft)

    def control(text: str) -> list[int]:
        return [token for token in tokenizer(text)["input_ids"] if token in tokenizer.all_special_ids]

    assert control(render_prompt(processor, 1, INJECTED)) == control(render_prompt(processor, 1, "Hello."))
    assert control(render_answer(INJECTED, closes=False)) == []


def test_a_run_that_may_not_start_leaves_one_sentence_with_the_rows_name(data: Path) -> None:
    run = sft_run(data, data / "refused", max_tokens=100)
    with pytest.raises(AssertionError, match="RowError"):
        launch("resources.training.sft.train", run, data / "refused.json")
    said = (data / "refused.failed").read_text()
    assert re.match(
        r"2 of 4 rows have more than max_tokens = 100: 2 has .* images\); 3 has \d+ tokens \(\d+ of text, "
        r"\d+ of 3 images\)",
        said,
    )


def dpo_run(data: Path, sft: Path, output: Path, **changed: Any) -> DpoRun:
    own = DpoHyperparameters.for_student("tiny", Training())
    return DpoRun(
        dataset=data / "preference.parquet",
        dataset_id="p",
        student="tiny",
        output=output,
        sft=sft,
        reference=output.with_suffix(".parquet"),
        authors=["embedded-critic-1"],
        hyperparameters=replace(own, **{"max_steps": 4, "save_steps": 2, "pairs_per_update": 2, **changed}),
    )


@pytest.fixture(scope="module")
def dpo(data: Path, sft: Path) -> dict[str, Path]:
    """Checkpoints of unbroken runs: all weights, and with adapters."""
    for name, rank in (("full", 0), ("lora", 4)):
        launch("resources.training.dpo.train", dpo_run(data, sft, data / name, lora_rank=rank), data / f"{name}.json")
    return {name: data / name for name in ("full", "lora")}


@pytest.mark.parametrize("name", ["full", "lora"])
def test_dpo_starts_at_ln_2_and_moves_apart_what_it_should(name: str, dpo: dict[str, Path]) -> None:
    record = json.loads((dpo[name] / "training.json").read_text())
    assert record["losses"][0] == pytest.approx(math.log(2), abs=1e-6)
    assert record["from_ln_2"] == [pytest.approx(0, abs=1e-6)]
    assert record["losses"][-1] < math.log(2)
    assert record["margins"][-1] > 0
    assert record["tokens_packed"] < record["tokens_pair_by_pair"]


@pytest.mark.parametrize("rank", [0, 4])
def test_two_processes_end_with_the_weights_of_one(rank: int, data: Path, sft: Path) -> None:
    """An update has the same two documents, on one device after another or on two at once; with adapters, which two
    devices share, the reference is computed in each pass and not stored."""
    said = {}
    for processes in (1, 2):
        run = dpo_run(data, sft, data / f"{processes}-{rank}", pairs_per_update=3, max_steps=3, lora_rank=rank)
        said[processes] = launch("resources.training.dpo.train", run, data / "processes.json", processes=processes)
        assert run.reference.exists() is not (rank > 0 and processes == 2)
    assert "reference is computed in each pass" in said[2] if rank else "each pass" not in said[2]
    assert largest_difference(data / f"2-{rank}", data / f"1-{rank}") < 1e-6
    assert largest_difference(data / f"2-{rank}", sft) > 1e-4


def test_two_processes_fine_tune_to_the_weights_of_one(data: Path) -> None:
    """Answers of unlike lengths: a token counts the same on whichever device it is. Both compute row by row, so that no
    other packing is rounded otherwise."""
    rows = pq.read_table(data / "sft.parquet").to_pylist()
    for times, row in enumerate(rows, 1):
        row["messages"][1]["content"] = "\n\n".join([row["messages"][1]["content"]] * times)
    pq.write_table(pa.Table.from_pylist(rows, schema=SFT_DATASET.schema), data / "unlike.parquet")
    for name, processes in (("sft-one", 1), ("sft-two", 2)):
        run = sft_run(data, data / name, batch=1, documents_per_update=len(rows), max_steps=3)  # each update has all
        launch(
            "resources.training.sft.train",
            replace(run, dataset=data / "unlike.parquet"),
            data / f"{name}.json",
            processes=processes,
        )
    assert largest_difference(data / "sft-two", data / "sft-one") < 1e-6


def test_pairs_can_be_trained_one_by_one_by_trl_itself(data: Path, sft: Path) -> None:
    launch(
        "resources.training.dpo.train",
        dpo_run(data, sft, data / "pairs", packing="pairs", max_steps=3),
        data / "pairs.json",
    )
    record = json.loads((data / "pairs" / "training.json").read_text())
    assert record["losses"][0] == pytest.approx(math.log(2), abs=1e-4)
    assert record["losses"][-1] < math.log(2)


def test_a_pair_over_the_budget_of_a_student_that_is_built_is_left_out_and_counted(data: Path, sft: Path) -> None:
    """The gate has no tokens of such a student to count."""
    from transformers import AutoProcessor

    rows, processor = pq.read_table(data / "preference.parquet").to_pylist(), AutoProcessor.from_pretrained(sft)
    first, second, last = pair_sizes(rows[:1], processor, "images_first") + pair_sizes(
        rows[1:], processor, "images_first"
    )
    assert max(first.tokens, second.tokens) < last.tokens
    config = dpo_run(data, sft, data / "short", max_tokens=last.tokens - 1, max_steps=1)
    said = launch("resources.training.dpo.train", config, data / "short.json")
    assert f"1 of 3 pairs left out, with more than max_tokens = {last.tokens - 1}: 3 has {last}\n" in said
    assert "2 pairs, forward passes: " in said
    assert json.loads((data / "short" / "training.json").read_text())["left_out"] == {"over_budget": 1}


def test_where_every_pair_is_over_the_budget_the_run_says_what_to_change(data: Path, sft: Path) -> None:
    with pytest.raises(AssertionError, match="RowError"):
        launch("resources.training.dpo.train", dpo_run(data, sft, data / "none", max_tokens=20), data / "none.json")
    assert re.fullmatch(
        r"Each of the 3 preference pairs has more than max_tokens = 20; the shortest has \d+ tokens "
        r"\(.* of text, .* of 1 images\): raise training.max_tokens of the recipe, or lower training.max_pixels\.",
        (data / "none.failed").read_text(),
    )


def largest_difference(ours: Path, theirs: Path) -> float:
    import torch
    from safetensors.torch import load_file

    mine, whole = load_file(ours / "model.safetensors"), load_file(theirs / "model.safetensors")
    assert mine.keys() == whole.keys()
    return max(torch.max(torch.abs(mine[name] - whole[name])).item() for name in whole)


def test_sft_that_was_killed_goes_on_and_ends_like_an_unbroken_run(data: Path, sft: Path) -> None:
    run = sft_run(data, data / "killed")
    launch("resources.training.sft.train", run, data / "killed.json", kill_at="step 3 of 4")
    assert not (data / "killed").exists()
    said = launch("resources.training.sft.train", run, data / "killed.json")
    assert "resuming from" in said
    assert largest_difference(data / "killed", sft) < 1e-6
    assert largest_difference(data / "killed", data / "base") > 1e-3
    resumed, unbroken = (json.loads((path / "training.json").read_text()) for path in (data / "killed", sft))
    assert resumed["tokens"] == unbroken["tokens"] == pytest.approx(unbroken["tokens_per_second"] * unbroken["seconds"])
    assert 0 < resumed["tokens_per_second"] * resumed["seconds"] < 0.9 * resumed["tokens"]  # this process's own


def test_sft_that_is_asked_to_end_saves_its_step_and_goes_on_from_there(data: Path, sft: Path) -> None:
    run = sft_run(data, data / "stopped", save_steps=100)
    said = launch("resources.training.sft.train", run, data / "stopped.json", stop_at="step 1 of 4")
    last = int(re.findall(r"step (\d) of 4", said)[-1])
    assert last < 4
    assert (data / "stopped.partial" / f"checkpoint-{last}").exists()
    assert "Traceback" not in said
    said = launch("resources.training.sft.train", run, data / "stopped.json")
    assert f"checkpoint-{last}" in said
    assert largest_difference(data / "stopped", sft) < 1e-6


@pytest.mark.parametrize("name", ["full", "lora"])
def test_dpo_that_was_killed_goes_on_and_ends_like_an_unbroken_run(
    name: str, data: Path, sft: Path, dpo: dict[str, Path]
) -> None:
    """What was being written at the kill is removed; the reference is still the SFT checkpoint."""
    killed = data / f"killed-{name}"
    run = dpo_run(data, sft, killed, lora_rank=4 if name == "lora" else 0)
    launch("resources.training.dpo.train", run, data / "killed.json", kill_at="step 3 of 4")
    half = killed.with_name(f"{killed.name}.partial") / "checkpoint-3"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    said = launch("resources.training.dpo.train", run, data / "killed.json")
    assert "checkpoint-3 is half-written" in said
    assert "resuming from" in said
    assert "checkpoint-2" in said
    assert largest_difference(killed, dpo[name]) < 1e-6
    assert largest_difference(killed, sft) > 1e-4


def test_each_model_answers_each_item_once_and_never_again(data: Path, sft: Path) -> None:
    items: list[PromptLine] = [
        {
            "item_id": str(number),
            "prompt": "Write.",
            "seed": number,
            "max_new_tokens": 16,
            "images": [str(data / "0.jpg")],
        }
        for number in range(2)
    ]
    run = GenerationRun(
        models=[{"name": "base", "path": str(data / "base")}, {"name": "sft", "path": str(sft)}],
        prompts=items,
        output=data / "answers.jsonl",
        sampling=sampled_by(0.6, Sampling()),
    )
    launch("resources.training.generate", run, data / "generate.json")
    answers = (data / "answers.jsonl").read_text()
    found = [json.loads(line) for line in answers.splitlines()]
    assert {(line["model"], line["item_id"]) for line in found} == {
        (model, item["item_id"]) for model in ("base", "sft") for item in items
    }
    assert all(0 < line["tokens"] <= 16 for line in found)
    launch("resources.training.generate", run, data / "generate.json")
    assert (data / "answers.jsonl").read_text() == answers


def test_configurations_and_launcher_load_without_torch() -> None:
    code = (
        "import sys, resources.training.sft.hyperparameters, resources.training.dpo.hyperparameters;"
        "import resources.training.launcher, resources.training.run_config;"
        "print('torch' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        == "False"
    )


def test_a_run_is_named_by_what_decides_it() -> None:
    recipe = asdict(SftHyperparameters())
    assert run_id(dataset="a", recipe=recipe) == run_id(recipe=dict(reversed(recipe.items())), dataset="a")
    assert run_id(dataset="a", recipe=recipe) != run_id(dataset="b", recipe=recipe)
