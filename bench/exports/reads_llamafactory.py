"""LLaMA-Factory reads its export: its own loader and template on every row, then one step of its own trainers.

Runs in LLaMA-Factory's environment, alone: `python reads_llamafactory.py <release> <model> <results.json>`.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.extras.constants import IGNORE_INDEX
from llamafactory.hparams import get_train_args
from llamafactory.model import load_tokenizer
from llamafactory.train.tuner import run_exp

END = "<|im_end|>\n"  # its template ends every answer so


def settings(folder: Path, model: Path, stage: str, names: list[str], output: str) -> dict[str, Any]:
    return {
        "stage": stage,
        "do_train": True,
        "model_name_or_path": str(model),
        "dataset_dir": str(folder),
        "dataset": ",".join(names),
        "template": "qwen2_vl",
        "cutoff_len": 8192,
        "finetuning_type": "full",
        "freeze_vision_tower": False,
        "output_dir": output,
        "per_device_train_batch_size": 8,
        "max_steps": 1,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "overwrite_cache": True,
        "preprocessing_num_workers": 1,
        "disable_tqdm": True,
    }


def read(folder: Path, model: Path, stage: str, names: list[str]) -> dict[str, Any]:
    """One line of the table. Raises AssertionError where a row is not what was written."""
    written = [
        json.loads(line)
        for name in names
        for line in (folder / f"{name.removeprefix('lwv_')}.jsonl").read_text().splitlines()
    ]
    with tempfile.TemporaryDirectory() as output:
        given = settings(folder, model, stage, names, output)
        model_args, data_args, training_args, _, _ = get_train_args(dict(given))
        module = load_tokenizer(model_args)
        tokenizer, processor = module["tokenizer"], module["processor"]
        template = get_template_and_fix_tokenizer(tokenizer, data_args)
        loaded = get_dataset(
            template, model_args, data_args, training_args, stage="rm" if stage == "dpo" else stage, **module
        )["train_dataset"]
        assert len(loaded) == len(written), (len(loaded), len(written))
        pad, images, trained = tokenizer.convert_tokens_to_ids("<|image_pad|>"), [], 0
        total = 0
        for row, source in zip(loaded, written, strict=True):
            grids = template.mm_plugin._get_mm_inputs(row["images"] or [], [], [], processor).get("image_grid_thw", [])
            expected = sum(int(grid.prod()) // 4 for grid in grids)
            assert len(grids) == len(source.get("images", []))
            sides = (
                [("", source["conversations"][-1])]
                if stage == "sft"
                else [("chosen_", source["chosen"]), ("rejected_", source["rejected"])]
            )
            for side, answer in sides:
                assert row[f"{side}input_ids"].count(pad) == expected, (source["id"], expected)
                learnt = [token for token in row[f"{side}labels"] if token != IGNORE_INDEX]
                assert tokenizer.decode(learnt) == answer["value"] + END, source["id"]
                trained += len(learnt)
            total += expected
            images.append(len(grids))
        run_exp(dict(given))
        loss = json.loads((Path(output) / "trainer_log.jsonl").read_text().splitlines()[0])["loss"]
    return {
        "file": " + ".join(name.removeprefix("lwv_") for name in names),
        "rows": len(images),
        "images": images,
        "image_tokens": total,
        "trained_tokens": trained,
        "loss": float(loss),
    }


def main(folder: Path, model: Path, results: Path) -> None:
    results.write_text(
        json.dumps(
            [read(folder, model, "sft", ["lwv_sft", "lwv_chat"]), read(folder, model, "dpo", ["lwv_preference"])]
        )
    )


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:4]))
