"""LLaMA-Factory's passes over the benchmark's samples, in its own environment, set up by its own `run_exp`.

`python -m bench.training.sft_llamafactory <data> <model> <rows a pass> <padded | packed> <tokens of a packed row>`
prints a JSON list: tokens computed, tokens trainable, CPU seconds. `packed` is its `neat_packing`.
"""

import json
import sys
import tempfile
from typing import Any

import torch
from llamafactory.train.sft.trainer import CustomSeq2SeqTrainer
from llamafactory.train.tuner import run_exp

from bench.training.measure import measure


class MeasuredError(Exception):
    """No failure: it carries what was measured, in place of training, out of `run_exp`."""


def main(data: str, model: str, size: int, packed: bool, cutoff: int) -> list[float]:
    def instead_of_training(trainer: Any, **_: Any) -> None:
        raise MeasuredError(*measure(trainer, 1 if packed else size))

    torch.set_num_threads(1)
    CustomSeq2SeqTrainer.train = instead_of_training
    with tempfile.TemporaryDirectory() as output:
        try:
            run_exp(
                {
                    "stage": "sft",
                    "do_train": True,
                    "model_name_or_path": model,
                    "dataset_dir": data,
                    "dataset": "bench",
                    "template": "qwen2_vl",
                    "cutoff_len": cutoff,
                    "neat_packing": packed,
                    "finetuning_type": "full",
                    "freeze_vision_tower": False,
                    "freeze_multi_modal_projector": False,
                    "disable_gradient_checkpointing": True,
                    "image_max_pixels": 280 * 280,
                    "output_dir": output,
                    "per_device_train_batch_size": size,
                    "max_steps": 1,
                    "report_to": "none",
                    "use_cpu": True,
                    "overwrite_cache": True,
                    "preprocessing_num_workers": 1,
                    "disable_tqdm": True,
                }
            )
        except MeasuredError as found:
            return list(found.args)
    raise RuntimeError("LLaMA-Factory did not come to train")


if __name__ == "__main__":
    found = main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "packed", int(sys.argv[5]))
    print(json.dumps(found))
