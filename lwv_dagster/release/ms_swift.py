"""ms-swift: messages with `<image>` tags, and rejected_messages for preference rows."""

from pathlib import Path
from typing import NotRequired, TypedDict

from lwv_dagster.release.format import Format, LeftOut, Placed
from lwv_dagster.release.markup import expect_tags
from lwv_dagster.release.rows import Example, Pair
from lwv_dagster.release.student_templates import templates

TAG = "<image>"


class Message(TypedDict):
    """One message. loss: whether it is trained on; where it is absent, ms-swift decides by the role."""

    role: str
    content: str
    loss: NotRequired[bool]


class ExampleRow(TypedDict):
    """A row of `sft`, or without images of `chat`."""

    id: str
    messages: list[Message]
    images: NotRequired[tuple[Path, ...]]


class PairRow(TypedDict):
    """A row of `preference`, or of `preference_open`, which alone has the two `add_eos`."""

    id: str
    messages: list[Message]
    rejected_messages: list[Message]
    images: tuple[Path, ...]
    rejected_images: tuple[Path, ...]
    add_eos: NotRequired[bool]
    rejected_add_eos: NotRequired[bool]


def example_row(example: Example) -> Placed:
    """A conversation; rows without images go into a file of their own, because an empty list has no type in JSON."""
    messages: list[Message] = [{"role": role, "content": content} for role, content in example.turns]
    messages[0]["content"] = TAG * len(example.images) + messages[0]["content"]
    expect_tags(example.id, TAG, len(example.images), *(message["content"] for message in messages))
    row: ExampleRow = {"id": example.id, "messages": messages}
    if not example.images:
        return Placed("chat", row)
    row["images"] = example.images
    return Placed("sft", row)


def pair_row(pair: Pair) -> Placed | LeftOut:
    """A shared prefix is an assistant message of its own without loss; ms-swift joins it with the next in one turn."""
    if not pair.images:
        return LeftOut("it has no image")
    before: list[Message] = [{"role": "user", "content": TAG * len(pair.images) + pair.prompt}]
    if pair.prefix:
        before.append({"role": "assistant", "content": f"{pair.prefix}\n\n", "loss": False})
    chosen: list[Message] = [*before, {"role": "assistant", "content": pair.chosen, "loss": True}]
    rejected: list[Message] = [*before, {"role": "assistant", "content": pair.rejected, "loss": True}]
    for side in (chosen, rejected):
        expect_tags(pair.id, TAG, len(pair.images), *(message["content"] for message in side))
    row: PairRow = {
        "id": pair.id,
        "messages": chosen,
        "rejected_messages": rejected,
        "images": pair.images,
        "rejected_images": pair.images,
    }
    if pair.closes:
        return Placed("preference", row)
    row["add_eos"] = row["rejected_add_eos"] = False
    return Placed("preference_open", row)


MS_SWIFT = Format(
    "ms-swift",
    {"sft": None, "chat": None, "preference": None, "preference_open": None},
    example_row,
    pair_row,
    usage=f"""\
```
cd <this folder>                      # images are found from here
swift sft --dataset sft.jsonl chat.jsonl …
swift rlhf --rlhf_type dpo --dataset preference.jsonl preference_open.jsonl --remove_unused_columns false …
```
Rows without an image are in `chat.jsonl`. Pairs that do not end their answer are in `preference_open.jsonl`; their
`add_eos: false` is read only with `--remove_unused_columns false`: without it ms-swift ends them, so leave that file
out then. A shared prefix is an assistant message with `loss: false`, which ms-swift joins with the next one.
Set `--max_length` by the table of tokens. ms-swift finds `--template` by the model: {templates("ms_swift")}.
""",
)
