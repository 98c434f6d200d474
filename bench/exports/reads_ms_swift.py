"""ms-swift reads its export: its own loader and template on every row, then one step of its own trainers.

Runs in ms-swift's environment, alone: `python reads_ms_swift.py <release> <model> <results.json>`.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from swift import RLHFArguments, SftArguments
from swift.pipelines.train.rlhf import SwiftRLHF
from swift.pipelines.train.sft import SwiftSft

END = "<|im_end|>\n"


def settings(model: Path, names: list[str], output: str) -> dict[str, Any]:
    return {
        "model": str(model),
        "model_type": "qwen2_5_vl",
        "template": "qwen2_5_vl",
        "tuner_type": "full",
        "dataset": [f"{name}.jsonl" for name in names],
        "max_length": 8192,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 1,
        "max_steps": 1,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": ["none"],
        "torch_dtype": "float32",
        "split_dataset_ratio": 0,
        "dataset_num_proc": 1,
        "load_from_cache_file": False,
        "dataset_shuffle": False,
        "use_cpu": True,
        "output_dir": output,
    }


def read(pipeline: SwiftSft, folder: Path, names: list[str], sides: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """One line of the table. sides: (prefix of the encoded columns, column of the file).

    Raises AssertionError where a row is not what was written.
    """
    written = [json.loads(line) for name in names for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    loaded, _ = pipeline._get_dataset()
    template, tokenizer = pipeline.template, pipeline.tokenizer
    pad, images, total, trained = tokenizer.convert_tokens_to_ids("<|image_pad|>"), [], 0, 0
    assert len(loaded) == len(written), (len(loaded), len(written))
    for row, source in zip(loaded, written, strict=True):
        encoded = template.encode(dict(row))
        for side, column in sides:
            grids = encoded.get(f"{side}image_grid_thw")
            grids = [] if grids is None else grids
            expected = sum(int(grid.prod()) // 4 for grid in grids)
            assert len(grids) == len(source.get("images", []))
            assert encoded[f"{side}input_ids"].count(pad) == expected, (source["id"], expected)
            learnt = tokenizer.decode([token for token in encoded[f"{side}labels"] if token != -100])
            closes = source.get("add_eos", True)
            assert learnt.rstrip("\n") == (source[column][-1]["content"] + (END if closes else "")).rstrip("\n"), learnt
            whole = tokenizer.decode(encoded[f"{side}input_ids"])
            assert whole.count("<|im_start|>assistant\n") == 1  # a prefix and what continues it are one turn
            trained += sum(token != -100 for token in encoded[f"{side}labels"])
        images.append(len(grids))
        total += expected
    pipeline.main()
    return {
        "file": " + ".join(names),
        "rows": len(images),
        "images": images,
        "image_tokens": total,
        "trained_tokens": trained,
        "loss": float(pipeline.train_msg["log_history"][0]["loss"]),
    }


def main(folder: Path, model: Path, results: Path) -> None:
    os.chdir(folder)  # its image paths are relative to here
    with tempfile.TemporaryDirectory() as output:
        sft, pairs = ["sft", "chat"], ["preference", "preference_open"]
        found = [read(SwiftSft(SftArguments(**settings(model, sft, output))), folder, sft, (("", "messages"),))]
        dpo = RLHFArguments(rlhf_type="dpo", remove_unused_columns=False, **settings(model, pairs, output))
        found.append(read(SwiftRLHF(dpo), folder, pairs, (("chosen_", "messages"), ("rejected_", "rejected_messages"))))
    results.write_text(json.dumps(found))


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:4]))
