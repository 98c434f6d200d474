"""The Hugging Face hub: the published layout of LongWriter-V-22K, and preference pairs beside it."""

from pathlib import Path

import pyarrow as pa

from lwv_dagster.release.format import CHAT, IMAGES, LINEAGE, ChatTurn, Format, Lineage, Placed, lineage
from lwv_dagster.release.rows import Example, Pair
from resources.text.length_score import length_score

EXAMPLE = pa.schema(
    [
        ("id", pa.int64()),
        ("messages", pa.list_(pa.string())),
        ("images", IMAGES),  # as published (docs/method.md 1.4)
        ("chat", CHAT),  # the same messages with their roles, for consumers that want them
        ("example_id", pa.string()),
        *LINEAGE.items(),
        ("required_words", pa.int32()),  # stated in the request; null where none is
        ("words", pa.int32()),
        ("length_score", pa.float32()),  # paper eq. 6, 0-100; null where no length is stated
        ("author", pa.string()),  # the model that wrote the answer
    ]
)
PAIR = pa.schema(
    [
        ("id", pa.string()),
        ("prompt", pa.string()),
        ("prefix", pa.string()),  # answer text that both sides share; may be empty
        ("chosen", pa.string()),
        ("rejected", pa.string()),  # continue the prefix after a blank line
        ("closes", pa.bool_()),  # the answer ends here
        ("weight", pa.float32()),
        ("images", IMAGES),
        ("example_id", pa.string()),
        *LINEAGE.items(),
        ("author", pa.string()),  # who wrote the text that was corrected; of a sampled pair, both sides
        ("corrector", pa.string()),  # who made `chosen` better, or judged it so
    ]
)


class ExampleRow(Lineage):
    """A row of `data`; EXAMPLE says what each column means."""

    id: int
    messages: list[str]
    images: tuple[Path, ...]
    chat: list[ChatTurn]
    example_id: str
    required_words: int | None
    words: int
    length_score: float | None
    author: str


class PairRow(Lineage):
    """A row of `preference`; PAIR says what each column means."""

    id: str
    prompt: str
    prefix: str
    chosen: str
    rejected: str
    closes: bool
    weight: float
    images: tuple[Path, ...]
    example_id: str
    author: str
    corrector: str


def example_row(example: Example) -> Placed:
    """The published layout, and the columns that this factory adds."""
    score = length_score(example.words, example.required_words) if example.required_words else None
    row: ExampleRow = {
        "id": example.number,
        "messages": [content for _, content in example.turns],
        "images": example.images,
        "chat": [{"role": role, "content": content} for role, content in example.turns],
        "example_id": example.id,
        **lineage(example),
        "required_words": example.required_words,
        "words": example.words,
        "length_score": score,
        "author": example.author,
    }
    return Placed("data", row)


def pair_row(pair: Pair) -> Placed:
    """The pair as the gate let it through, images by their files."""
    row: PairRow = {
        "id": pair.id,
        "prompt": pair.prompt,
        "prefix": pair.prefix,
        "chosen": pair.chosen,
        "rejected": pair.rejected,
        "closes": pair.closes,
        "weight": pair.weight,
        "images": pair.images,
        "example_id": pair.example_id,
        **lineage(pair),
        "author": pair.author,
        "corrector": pair.corrector,
    }
    return Placed("preference", row)


HUB = Format(
    "hub",
    {"data": EXAMPLE, "preference": PAIR},
    example_row,
    pair_row,
    usage="""\
```python
from datasets import load_dataset
examples = load_dataset("<this folder or its repo id>", split="train")
pairs = load_dataset("<this folder or its repo id>", "preference", split="train")
```
`id`, `messages` (flat: user, assistant) and `images` are the layout of THU-KEG/LongWriter-V-22K; `chat` holds the same
messages with roles. The images belong before the text of the first user turn, in order. In a pair, `chosen` and
`rejected` continue `prefix` after a blank line, and the answer ends there only where `closes` is true. `weight` is
the pair's factor in the loss.
""",
)
