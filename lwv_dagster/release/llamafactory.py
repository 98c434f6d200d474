"""LLaMA-Factory: sharegpt with `<image>` tags, and the dataset_info.json that names the files."""

from collections.abc import Mapping
from pathlib import Path
from typing import NotRequired, TypedDict

from lwv_dagster.release.format import Format, LeftOut, Placed
from lwv_dagster.release.markup import expect_tags
from lwv_dagster.release.rows import Example, Pair
from lwv_dagster.release.student_templates import templates

TAG = "<image>"
SPEAKERS = {"user": "human", "assistant": "gpt"}

Turn = TypedDict("Turn", {"from": str, "value": str})  # as sharegpt has it


class ExampleRow(TypedDict):
    """A row of `sft`, or without images of `chat`."""

    id: str
    conversations: list[Turn]
    images: NotRequired[tuple[Path, ...]]


class PairRow(TypedDict):
    """A row of `preference`."""

    id: str
    conversations: list[Turn]
    chosen: Turn
    rejected: Turn
    images: tuple[Path, ...]


class FileEntry(TypedDict):
    """What dataset_info.json says of every file of a kind. columns: LLaMA-Factory's name -> ours."""

    formatting: str
    columns: dict[str, str]
    ranking: NotRequired[bool]


_COLUMNS: dict[str, FileEntry] = {
    "sft": {"formatting": "sharegpt", "columns": {"messages": "conversations", "images": "images"}},
    "chat": {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
    "preference": {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected", "images": "images"},
    },
}


def example_row(example: Example) -> Placed:
    """A conversation; rows without images go into a file of their own, because an empty list has no type in JSON."""
    turns: list[Turn] = [{"from": SPEAKERS[role], "value": content} for role, content in example.turns]
    tag_first(turns, len(example.images))
    expect_tags(example.id, TAG, len(example.images), *(turn["value"] for turn in turns))
    row: ExampleRow = {"id": example.id, "conversations": turns}
    if not example.images:
        return Placed("chat", row)
    row["images"] = example.images
    return Placed("sft", row)


def pair_row(pair: Pair) -> Placed | LeftOut:
    """A shared prefix stands on both sides: the sigmoid loss takes their difference, where it cancels out."""
    if not pair.closes:
        return LeftOut("it does not end its answer, and LLaMA-Factory ends every answer")
    if not pair.images:
        return LeftOut("it has no image")
    turns: list[Turn] = [{"from": "human", "value": pair.prompt}]
    tag_first(turns, len(pair.images))
    chosen, rejected = (_answer(pair.prefix, text) for text in (pair.chosen, pair.rejected))
    for side in (chosen, rejected):
        expect_tags(pair.id, TAG, len(pair.images), turns[0]["value"], side["value"])
    row: PairRow = {
        "id": pair.id,
        "conversations": turns,
        "chosen": chosen,
        "rejected": rejected,
        "images": pair.images,
    }
    return Placed("preference", row)


def tag_first(turns: list[Turn], images: int) -> None:
    """All tags before the request, as the images were when it was written."""
    turns[0]["value"] = TAG * images + turns[0]["value"]


def dataset_info(files: Mapping[str, int]) -> dict[str, dict[str, dict[str, object]]]:
    """dataset_info.json by its name, with an entry `lwv_<file>` for each of `files`."""
    return {"dataset_info.json": {f"lwv_{name}": {"file_name": f"{name}.jsonl", **_COLUMNS[name]} for name in files}}


def _answer(prefix: str, text: str) -> Turn:
    return {"from": "gpt", "value": f"{prefix}\n\n{text}" if prefix else text}


LLAMAFACTORY = Format(
    "llamafactory",
    {"sft": None, "chat": None, "preference": None},
    example_row,
    pair_row,
    usage=f"""\
`dataset_dir: <this folder>`, and `dataset: lwv_sft` (with `,lwv_chat` where it is there) for `stage: sft`,
`dataset: lwv_preference` for `stage: dpo`. `template` by the model: {templates("llamafactory")}.
Raise `cutoff_len` (see the table of tokens): its default of 2048 cuts images. Rows without an image are in
`chat.jsonl`. LLaMA-Factory ends every answer, so pairs that do not end
theirs (a segment in the middle of a document) are left out; a shared prefix stands on both sides, where it cancels out
in the default sigmoid loss (not under `pref_ftx`, nor in losses over mean log-probabilities such as `simpo`, `orpo`).
""",
    extra=dataset_info,
)
