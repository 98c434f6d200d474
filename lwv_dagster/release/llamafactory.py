"""LLaMA-Factory: sharegpt with `<image>` tags, and the dataset_info.json that names the files."""

from collections.abc import Mapping
from typing import Any

from lwv_dagster.release.format import Format, LeftOut, Placed
from lwv_dagster.release.markup import expect_tags
from lwv_dagster.release.rows import Example, Pair

TAG = "<image>"
SPEAKERS = {"user": "human", "assistant": "gpt"}
_COLUMNS: dict[str, dict[str, Any]] = {
    "sft": {"formatting": "sharegpt", "columns": {"messages": "conversations", "images": "images"}},
    "chat": {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
    "preference": {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected", "images": "images"},
    },
}


def example_row(example: Example) -> Placed:
    turns = [{"from": SPEAKERS[role], "value": content} for role, content in example.turns]
    tag_first(turns, len(example.images))
    expect_tags(example.id, TAG, len(example.images), *(turn["value"] for turn in turns))
    if not example.images:  # a file of its own: an empty list has no type in JSON
        return "chat", {"id": example.id, "conversations": turns}
    return "sft", {"id": example.id, "conversations": turns, "images": example.images}


def pair_row(pair: Pair) -> Placed | LeftOut:
    """A shared prefix stands on both sides: the sigmoid loss takes their difference, where it cancels out."""
    if not pair.closes:
        return LeftOut("it does not end its answer, and LLaMA-Factory ends every answer")
    if not pair.images:
        return LeftOut("it has no image")
    turns = [{"from": "human", "value": pair.prompt}]
    tag_first(turns, len(pair.images))
    sides = {
        name: {"from": "gpt", "value": f"{pair.prefix}\n\n{text}" if pair.prefix else text}
        for name, text in (("chosen", pair.chosen), ("rejected", pair.rejected))
    }
    for side in sides.values():
        expect_tags(pair.id, TAG, len(pair.images), turns[0]["value"], side["value"])
    return "preference", {"id": pair.id, "conversations": turns, **sides, "images": pair.images}


def tag_first(turns: list[dict[str, str]], images: int) -> None:
    """All tags before the request, as the images were when it was written."""
    turns[0]["value"] = TAG * images + turns[0]["value"]


def dataset_info(files: Mapping[str, int]) -> dict[str, Any]:
    return {"dataset_info.json": {f"lwv_{name}": {"file_name": f"{name}.jsonl", **_COLUMNS[name]} for name in files}}


LLAMAFACTORY = Format(
    "llamafactory",
    {"sft": None, "chat": None, "preference": None},
    example_row,
    pair_row,
    usage="""\
`dataset_dir: <this folder>`, `template: qwen2_vl`, and `dataset: lwv_sft` (with `,lwv_chat` where it is there) for
`stage: sft`, `dataset: lwv_preference` for `stage: dpo`. Raise `cutoff_len` (see the table of tokens): its default of
2048 cuts images. Rows without an image are in `chat.jsonl`. LLaMA-Factory ends every answer, so pairs that do not end
theirs (a segment in the middle of a document) are left out; a shared prefix stands on both sides, where it cancels out
in the default sigmoid loss (not under `pref_ftx`, nor in losses over mean log-probabilities such as `simpo`, `orpo`).
""",
    extra=dataset_info,
)
