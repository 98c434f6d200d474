"""How far losses and gradients of each fast path are from transformers' own attention and norms in float32.

A random Qwen2.5-VL with heads as wide as real ones, a packed row of documents with pages, and a document's pairs as a
tree. On a CPU there is no fast kernel, and the same lines show that the script runs.
"""

import tempfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, Qwen2_5_VLConfig

from bench.training.shapes import processor_for, shape_config
from resources.training.common_hyperparameters import Dtype
from resources.training.kept_attention import keep_attention
from resources.training.packed_attention import attend_to_own_sample
from resources.training.rows.dataset_rows import ChatRow
from resources.training.sft.hyperparameters import SftHyperparameters
from resources.training.sft.packing import PackedCollator
from resources.training.trainable_model import compile_layers, language_layers, prepare_model
from testing.documents import draw_pages, segments

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
Batch = dict[str, torch.Tensor]
Found = tuple[float, dict[str, torch.Tensor]]


def packed_row(folder: Path) -> tuple[Batch, dict[str, Any]]:
    """Three documents of one, two and three pages in one row, and the model's configuration."""
    pages = draw_pages(folder, 3)
    rows: list[ChatRow] = [
        {
            "id": str(count),
            "images": pages[:count],
            "messages": [
                {"role": "user", "content": "Write a lecture script for these slides."},
                {"role": "assistant", "content": "\n\n".join(segments(count, 150, count))},
            ],
        }
        for count in (1, 2, 3)
    ]
    processor = processor_for(row["messages"][1]["content"] for row in rows)
    given: dict[str, Any] = shape_config("tiny", processor.tokenizer).to_dict()
    del given["text_config"]["layer_types"]
    given["text_config"] |= {"hidden_size": 512, "num_attention_heads": 8, "num_hidden_layers": 4}
    given["text_config"]["rope_parameters"]["mrope_section"] = [8, 12, 12]
    given["vision_config"]["out_hidden_size"] = 512
    return PackedCollator(processor)(rows), given


def loss_and_gradients(model: Any, batch: Batch, dtype: Dtype) -> Found:
    """Of one pass, in float32."""
    model.zero_grad()
    with torch.autocast(DEVICE, torch.bfloat16, enabled=dtype == "bfloat16"):
        loss = model(**batch, use_cache=False).loss
    loss.backward()
    return loss.item(), {
        name: weight.grad.float().clone() for name, weight in model.named_parameters() if weight.grad is not None
    }


def apart(found: Found, expected: Found) -> str:
    """Cells of the table: the difference of losses, and of all gradients together, relative."""
    square = sum((found[1][name] - one).square().sum() for name, one in expected[1].items())
    whole = sum(one.square().sum() for one in expected[1].values())
    return f"{abs(found[0] - expected[0]):.2e} | {float(square / whole) ** 0.5:.2e}"


def paths() -> dict[str, tuple[Dtype, Callable[[Any], None]]]:
    """name -> (dtype, what makes the model go that way)."""

    def checkpointed(model: Any) -> None:
        attend_to_own_sample(model)
        keep_attention(model)
        model.activation_checkpointing_enable()
        model.train()

    def compiled(model: Any) -> None:
        checkpointed(model)
        compile_layers(language_layers(model))

    return {
        "as trained, float32": ("float32", attend_to_own_sample),
        "transformers' own attention, bfloat16": ("bfloat16", lambda model: None),
        "as trained, bfloat16": ("bfloat16", attend_to_own_sample),
        "+ checkpointed, attention's outputs kept": ("bfloat16", checkpointed),
        "+ compiled": ("bfloat16", compiled),
        "+ compiled, float32": ("float32", compiled),
    }


def differences() -> Iterator[str]:
    """The table's lines."""
    batch, given = packed_row(Path(tempfile.mkdtemp(prefix="bench-training-")))
    batch = {name: values.to(DEVICE) for name, values in batch.items()}

    def fresh() -> Any:
        torch.manual_seed(0)
        config = Qwen2_5_VLConfig.from_dict(deepcopy(given))  # a model writes down in it how it attends
        return AutoModelForImageTextToText.from_config(config, dtype=torch.float32).to(DEVICE)

    expected = loss_and_gradients(fresh(), batch, "float32")
    yield f"A packed row of {batch['input_ids'].shape[1]} tokens on {DEVICE}, loss {expected[0]:.4f}; from float32:\n"
    yield "| path | loss | gradients, relative |\n|---|---|---|"
    for name, (dtype, change) in paths().items():
        hyperparameters = SftHyperparameters(dtype=dtype, freeze_vision=False, compile_layers="compiled" in name)
        model = prepare_model(fresh(), hyperparameters)
        change(model)
        try:
            cells = apart(loss_and_gradients(model, batch, dtype), expected)
        except RuntimeError as error:
            cells = f"failed: {str(error).strip().splitlines()[0][:120]} |"
        yield f"| {name} | {cells} |"
