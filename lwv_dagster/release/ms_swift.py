"""ms-swift: messages with `<image>` tags, and rejected_messages for preference rows."""

from typing import Any

from lwv_dagster.release.format import Format, LeftOut, Placed
from lwv_dagster.release.markup import expect_tags
from lwv_dagster.release.rows import Example, Pair

TAG = "<image>"


def example_row(example: Example) -> Placed:
    messages = [{"role": role, "content": content} for role, content in example.turns]
    messages[0]["content"] = TAG * len(example.images) + messages[0]["content"]
    expect_tags(example.id, TAG, len(example.images), *(message["content"] for message in messages))
    if not example.images:  # a file of its own: an empty list has no type in JSON
        return "chat", {"id": example.id, "messages": messages}
    return "sft", {"id": example.id, "messages": messages, "images": example.images}


def pair_row(pair: Pair) -> Placed | LeftOut:
    """A shared prefix is an assistant message of its own without loss; ms-swift joins it with the next in one turn."""
    if not pair.images:
        return LeftOut("it has no image")
    before: list[dict[str, Any]] = [{"role": "user", "content": TAG * len(pair.images) + pair.prompt}]
    if pair.prefix:
        before.append({"role": "assistant", "content": f"{pair.prefix}\n\n", "loss": False})
    chosen, rejected = (
        [*before, {"role": "assistant", "content": text, "loss": True}] for text in (pair.chosen, pair.rejected)
    )
    for side in (chosen, rejected):
        expect_tags(pair.id, TAG, len(pair.images), *(message["content"] for message in side))
    row = {
        "id": pair.id,
        "messages": chosen,
        "rejected_messages": rejected,
        "images": pair.images,
        "rejected_images": pair.images,
    }
    return (
        ("preference", row)
        if pair.closes
        else ("preference_open", {**row, "add_eos": False, "rejected_add_eos": False})
    )


MS_SWIFT = Format(
    "ms-swift",
    {"sft": None, "chat": None, "preference": None, "preference_open": None},
    example_row,
    pair_row,
    usage="""\
```
cd <this folder>                      # images are found from here
swift sft --dataset sft.jsonl chat.jsonl …
swift rlhf --rlhf_type dpo --dataset preference.jsonl preference_open.jsonl --remove_unused_columns false …
```
Rows without an image are in `chat.jsonl`. Pairs that do not end their answer are in `preference_open.jsonl`; their
`add_eos: false` is read only with `--remove_unused_columns false`: without it ms-swift ends them, so leave that file
out then. A shared prefix is an assistant message with `loss: false`, which ms-swift joins with the next one.
Set `--max_length` by the table of tokens.
""",
)
