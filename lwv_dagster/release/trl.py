"""TRL: prompt and completion for SFTTrainer, rendered strings for DPOTrainer."""

from pathlib import Path

import pyarrow as pa

from lwv_dagster.release.format import CHAT, IMAGES, LINEAGE, ChatTurn, Format, Lineage, Placed, lineage
from lwv_dagster.release.markup import expect_tags
from lwv_dagster.release.rows import Example, Pair
from resources.training.rows.chat import IMAGE, render_answer

# Qwen2-VL's and Qwen2.5-VL's template up to the answer; a test holds that it is what their processor renders.
PROMPT = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{images}{request}<|im_end|>\n"
    "<|im_start|>assistant\n{prefix}"
)

EXAMPLE = pa.schema([("prompt", CHAT), ("completion", CHAT), ("images", IMAGES), ("id", pa.string()), *LINEAGE.items()])
PAIR = pa.schema(
    [
        ("prompt", pa.string()),
        ("chosen", pa.string()),
        ("rejected", pa.string()),
        ("images", IMAGES),
        ("id", pa.string()),
        ("weight", pa.float32()),
        *LINEAGE.items(),
    ]
)


class ExampleRow(Lineage):
    """A row of `sft`, as SFTTrainer reads it."""

    prompt: list[ChatTurn]
    completion: list[ChatTurn]
    images: tuple[Path, ...]
    id: str


class PairRow(Lineage):
    """A row of `dpo`, as DPOTrainer reads it."""

    prompt: str
    chosen: str
    rejected: str
    images: tuple[Path, ...]
    id: str
    weight: float


def example_row(example: Example) -> Placed:
    """Conversational, so that any model's template fits, and in two parts, so that the loss is on the answer alone."""
    turns: list[ChatTurn] = [{"role": role, "content": content} for role, content in example.turns]
    expect_tags(example.id, "<|image_pad|>", 0, *(content for _, content in example.turns))
    row: ExampleRow = {
        "prompt": turns[:-1],
        "completion": turns[-1:],
        "images": example.images,
        "id": example.id,
        **lineage(example),
    }
    return Placed("sft", row)


def pair_row(pair: Pair) -> Placed:
    """Strings: a conversation would close the turn, and a shared prefix has to go on (docs/release.md)."""
    prompt = PROMPT.format(
        images=IMAGE * len(pair.images), request=pair.prompt, prefix=f"{pair.prefix}\n\n" if pair.prefix else ""
    )
    chosen, rejected = (render_answer(text, pair.closes) for text in (pair.chosen, pair.rejected))
    expect_tags(pair.id, "<|image_pad|>", len(pair.images), prompt)
    expect_tags(pair.id, "<|image_pad|>", 0, chosen, rejected)
    row: PairRow = {
        "prompt": prompt,
        "chosen": chosen,
        "rejected": rejected,
        "images": pair.images,
        "id": pair.id,
        "weight": pair.weight,
        **lineage(pair),
    }
    return Placed("dpo", row)


TRL = Format(
    "trl",
    {"sft": EXAMPLE, "dpo": PAIR},
    example_row,
    pair_row,
    usage="""\
```python
from datasets import load_dataset
rows = load_dataset("parquet", data_files="sft/*.parquet", split="train")     # SFTTrainer(train_dataset=rows)
pairs = load_dataset("parquet", data_files="dpo/*.parquet", split="train")    # DPOTrainer(train_dataset=pairs)
```
Set `max_length=None`, or filter by `tokens` first: TRL's default of 1024 cuts images and answers. SFT rows are
conversations (any model's template); the loss is on the last answer. DPO rows are strings in the chat template of
Qwen2-VL and Qwen2.5-VL, because a shared prefix must be continued within the assistant's turn: for another model
render the hub format. `<|im_end|>` stands only where the answer closes. TRL does not read `weight`.
""",
)
