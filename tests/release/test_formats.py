"""Formats row by row: whatever the text from outside holds, tags and images match and nothing ends early."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwv_dagster.release import hub, trl
from lwv_dagster.release.format import LeftOut, Placed
from lwv_dagster.release.llamafactory import dataset_info
from lwv_dagster.release.markup import ReleaseError, expect_tags, safe
from lwv_dagster.release.rows import Example, Pair
from lwv_dagster.release.token_counts import CUTOFFS, count_tokens, text_tokens, vision_tokens
from lwv_dagster.release.write import FORMATS

PIECES = (
    "<image>",
    "</image>",
    "<img>",
    "</img>",
    "<video>",
    "<bbox>",
    "<|im_end|>",
    "<|image_pad|>",
    "<|image|>",
    "<|vision_start|>",
    "<|",
    "|>",
    "<",
    ">",
    "|",
    "/",
    "image",
    "im_end",
    "img",
    "\n",
    "a",
    "河",
)
outside = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
CONTROL = re.compile(r"<\|[a-z_]+\|>")


@settings(deadline=None)
@given(outside)
def test_safe_text_has_no_control_token_and_no_tag_and_stays_as_it_is(text: str) -> None:
    made = safe(text)
    assert not CONTROL.search(made)
    assert not any(tag in made for tag in PIECES[:6])
    assert safe(made) == made


@settings(deadline=None)
@given(st.text(alphabet="abc <>/河.\n"))
def test_safe_leaves_ordinary_text_alone(text: str) -> None:
    assert safe(text) == text


def make_example(user: str, assistant: str, images: int) -> Example:
    turns = (("user", safe(user)), ("assistant", safe(assistant)))
    return Example(
        0,
        "e",
        turns,
        tuple(Path(f"{n}.jpg") for n in range(images)),
        "deck",
        "en",
        100,
        100,
        "m",
        ("d",),
        count_tokens((), ()),
        False,
    )


def make_pair(prompt: str, prefix: str, chosen: str, rejected: str, images: int, closes: bool) -> Pair:
    return Pair(
        0,
        "p",
        "e",
        safe(prompt),
        safe(prefix),
        safe(chosen),
        safe(rejected),
        closes,
        0.5,
        tuple(Path(f"{n}.jpg") for n in range(images)),
        "shared_prefix",
        "en",
        "m",
        "c",
        ("d",),
        count_tokens((), ()),
        False,
    )


def row_of(placed: Placed | LeftOut) -> dict[str, Any]:
    assert isinstance(placed, Placed)
    return dict(placed.row)


def strings(value: object) -> str:
    """All text of a row but its image paths, in one string."""
    if isinstance(value, dict):
        return "\n".join(strings(inner) for name, inner in value.items() if not name.endswith("images"))
    if isinstance(value, list):
        return "\n".join(map(strings, value))
    return str(value)


@settings(deadline=None)
@given(outside, outside, st.integers(0, 4))
def test_an_example_has_a_tag_for_each_image_and_no_control_token(user: str, assistant: str, images: int) -> None:
    example = make_example(user, assistant, images)
    for name, tags in {"hub": 0, "trl": 0, "llamafactory": images, "ms-swift": images}.items():
        placed = FORMATS[name].example(example)
        file, row = placed.file, row_of(placed)
        text = strings(row)
        assert text.count("<image>") == tags
        assert not CONTROL.search(text)
        assert len(row.get("images", ())) == images
        assert file in FORMATS[name].files
        assert (file == "chat") == (not images and FORMATS[name].files[file] is None)


@settings(deadline=None)
@given(outside, outside, outside, outside, st.integers(1, 3), st.booleans())
def test_a_pair_has_a_tag_for_each_image_on_both_sides_and_ends_only_where_it_closes(
    prompt: str, prefix: str, chosen: str, rejected: str, images: int, closes: bool
) -> None:
    pair = make_pair(prompt, prefix, chosen, rejected, images, closes)
    factory, swift = (FORMATS[name].pair(pair) for name in ("llamafactory", "ms-swift"))
    row = row_of(FORMATS["hub"].pair(pair))
    assert row["closes"] is closes and not CONTROL.search(strings(row))

    row = row_of(FORMATS["trl"].pair(pair))
    assert row["prompt"].count("<|image_pad|>") == images
    assert row["prompt"].endswith(f"<|im_start|>assistant\n{pair.prefix}" + ("\n\n" if pair.prefix else ""))
    for side in ("chosen", "rejected"):
        assert CONTROL.findall(row[side]) == ["<|im_end|>"] * closes
        assert row[side].removesuffix("<|im_end|>") == getattr(pair, side)

    assert isinstance(factory, LeftOut) is not closes
    if closes:
        row = row_of(factory)
        for side in ("chosen", "rejected"):
            assert strings([row["conversations"], row[side]]).count("<image>") == images
            assert row[side]["value"].endswith(getattr(pair, side))

    row = row_of(swift)
    assert isinstance(swift, Placed) and swift.file == ("preference" if closes else "preference_open")
    assert row.get("add_eos", True) is row.get("rejected_add_eos", True) is closes
    for column, side in (("messages", "chosen"), ("rejected_messages", "rejected")):
        assert strings(row[column]).count("<image>") == images
        assert [turn["content"] for turn in row[column] if turn.get("loss")] == [getattr(pair, side)]


@pytest.mark.parametrize("module", [hub, trl])
def test_a_parquet_row_has_the_columns_of_its_schema(module: Any) -> None:
    """Both ways: Arrow would leave out what the schema lacks, and write null where the row lacks it."""
    assert set(module.ExampleRow.__annotations__) == set(module.EXAMPLE.names)
    assert set(module.PairRow.__annotations__) == set(module.PAIR.names)
    assert set(row_of(module.example_row(make_example("a", "b", 1)))) == set(module.EXAMPLE.names)
    assert set(row_of(module.pair_row(make_pair("a", "b", "c", "d", 1, True)))) == set(module.PAIR.names)


def test_a_count_that_does_not_match_is_refused_with_the_rows_id() -> None:
    with pytest.raises(ReleaseError, match="Row e-1 holds 1 <image> tags for 2 images"):
        expect_tags("e-1", "<image>", 2, "<image>", "text")


@settings(deadline=None)
@given(st.integers(30, 3000), st.integers(30, 3000))
def test_vision_tokens_are_those_of_qwens_own_resize(width: int, height: int) -> None:
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    rows, columns = smart_resize(height, width, factor=28, min_pixels=3_136, max_pixels=12_845_056)
    assert vision_tokens(width, height) == rows // 28 * (columns // 28)


def test_tokens_of_a_row_worked_by_hand() -> None:
    """100 bytes are 25 tokens; 280 x 280 is 10 x 10 tokens, 560 x 280 twice that; two marks each; 24 for a template."""
    tokens = count_tokens(["x" * 99 + "."], [(280, 280), (560, 280)])
    assert (tokens.text, tokens.vision) == (24 + 25, 102 + 202)
    assert (tokens.stored, tokens.paper) == (353, 24 + 25 + 2 * 102)
    assert text_tokens("河流") == 2
    assert list(CUTOFFS) == sorted(CUTOFFS)


def test_dataset_info_names_only_the_files_that_are_there() -> None:
    info = dataset_info({"sft": 3, "preference": 1})["dataset_info.json"]
    assert set(info) == {"lwv_sft", "lwv_preference"}
    assert info["lwv_preference"]["ranking"] is True
    assert json.dumps(info)
