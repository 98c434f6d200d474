"""What each way to be faster gives on a GPU: supervised fine-tuning in configurations that add one at a time, then
preference training, then how far each fast path is from plain float32.

`python -m bench.training.levers`, within 10 minutes on one GPU: 3B (all weights) and 7B (adapters) at 8k tokens.
`--shapes tiny --tokens 1024` runs all of it on a CPU, where it shows that it runs. Each configuration is a process of
its own; what a configuration is without is switched off from outside. Prints markdown.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import torch

from bench.training import gpu
from bench.training.equal import differences
from testing.shapes import SHAPES

OFF = ("varlen", "stream", "kept")  # what can be switched off from outside
LIMIT_S = 300  # of one configuration


class Configuration(NamedTuple):
    """without: of OFF. compiled, optimizer: as the recipe has them."""

    name: str
    documents: int = 4  # of an update
    without: tuple[str, ...] = ()
    compiled: bool = False
    optimizer: str = "adamw"


CONFIGURATIONS = (
    Configuration("a document an update, no lever", 1, OFF),
    Configuration("4 documents an update", 4, OFF),
    Configuration("+ attention over all samples in one call, keys not copied", 4, ("stream", "kept")),
    Configuration("+ bfloat16 from layer to layer", 4, ("kept",)),
    Configuration("+ attention's outputs kept (the default)", 4),
    Configuration("+ compile_layers", 4, compiled=True),
    Configuration("+ adamw_8bit", 4, compiled=True, optimizer="adamw_8bit"),
)


@contextmanager
def switched_off(names: tuple[str, ...]) -> Iterator[None]:
    """Without these."""
    from transformers import AttentionInterface

    from resources.training import packed_attention, trainable_model
    from resources.training.sft import trainer

    def piece_by_piece(
        module: object, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *_: object, **more: Any
    ) -> tuple[torch.Tensor, None]:
        groups = query.shape[1] // key.shape[1]
        keys, values = (states.repeat_interleave(groups, dim=1) for states in (key, value))
        sizes = more["samples"].borders.diff().tolist()  # asks the device in each layer, as it was
        return packed_attention.attend_one_by_one(query, keys, values, sizes, more.get("scaling")), None

    with ExitStack() as stack:
        if "stream" in names:
            stack.enter_context(patch.object(trainable_model, "in_bfloat16", lambda module, inputs, states: states))
        if "kept" in names:
            stack.enter_context(patch.object(trainer, "keep_attention", lambda model: None))
        if "varlen" in names:
            AttentionInterface.register(packed_attention.SAMPLES, piece_by_piece)
        yield


def one(number: int, shape: str, tokens: int, updates: int) -> dict[str, Any]:
    """What one configuration takes."""
    _, documents, without, compiled, optimizer = CONFIGURATIONS[number]
    with switched_off(without):
        return gpu.measure_sft(
            shape, "packed", tokens, updates, documents=documents, compile_layers=compiled, optimizer=optimizer
        )


def configurations(shape: str, tokens: int, updates: int, numbers: list[int]) -> None:
    """The table of one shape and length."""
    for number in numbers:
        began = time.monotonic()
        command = [sys.executable, "-m", "bench.training.levers", "--one", str(number), "--shapes", shape]
        try:
            said = subprocess.run(
                [*command, "--tokens", str(tokens), "--updates", str(updates)],
                input="go\n",
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
            failed = said.stderr.strip().splitlines()[-1][:160] if said.returncode else ""
        except subprocess.TimeoutExpired:
            failed = f"did not end in {LIMIT_S} s"
        took = time.monotonic() - began
        name = CONFIGURATIONS[number].name
        if failed:
            print(f"| {shape} | {name} | failed: {failed} | | | | | {took:.0f} |", flush=True)
            continue
        found = json.loads(said.stdout.splitlines()[-1])
        share = "-" if found["mfu"] is None else f"{found['mfu']:.3f}"
        print(
            f"| {shape} | {name} | {found['tokens']:,.0f} | {found['seconds']:.3f} "
            f"| {found['tokens'] / found['seconds']:,.0f} | {share} | {found['gib']:.1f} | {took:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=["3b", "7b"], choices=[*SHAPES, "tiny"])
    parser.add_argument("--tokens", type=int, nargs="+", default=[8192], help="of a sample")
    parser.add_argument("--updates", type=int, default=3, help="that are timed")
    parser.add_argument("--only", type=int, nargs="+", default=[*range(len(CONFIGURATIONS))], help="configurations")
    parser.add_argument("--parts", nargs="+", default=["sft", "dpo", "equal"], choices=["sft", "dpo", "equal"])
    parser.add_argument("--one", type=int, help="measure this configuration alone, as JSON")
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(one(given.one, given.shapes[0], given.tokens[0], given.updates)))
        return
    if not gpu.CUDA and given.shapes != ["tiny"]:
        print("No GPU is here: what each lever gives on one was not measured.")
        return
    print(
        f"{torch.cuda.get_device_name() if gpu.CUDA else 'CPU'}, torch {torch.__version__}, {gpu.DTYPE}\n", flush=True
    )
    if "equal" in given.parts:
        for line in differences():
            print(line, flush=True)
    if "sft" in given.parts:
        print("\n| student | configuration | tokens an update | seconds | tokens/s | MFU | GiB | whole, s |")
        print("|---" * 8 + "|", flush=True)
        for tokens in given.tokens:
            for shape in given.shapes:
                configurations(shape, tokens, given.updates, given.only)
    if "dpo" in given.parts:
        segments = max(2, given.tokens[0] // gpu.TOKENS_A_PAGE)
        gpu.dpo_table(given.shapes, segments, 200, ["packed"], given.updates)


if __name__ == "__main__":
    main()
