"""An example with more tokens than a forward pass may have is left out with its count; the count is training's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from assets.quality.gate import GateClosedError
from assets.sft_dataset.general_chat import draw_chat
from assets.sft_dataset.student_budget import TokenBudget
from resources.recipe.model import Mix, Training
from resources.training.rows.processor import load_processor
from resources.training.rows.sequence import RowError
from resources.training.sft.packing import count_tokens
from resources.training.students.student_files import BUILT
from resources.training.students.tiny import build_tiny
from testing.rows import chinese, english, written
from tests.conftest import draw_page


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student") / "base"
    folder.mkdir()
    build_tiny([english("tiny", 500)], folder)
    return folder


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        draw_page(path, path.stem)
    return paths


def training_row(row: dict[str, Any], images: list[Path]) -> dict[str, Any]:
    return {
        "id": row["example_id"],
        "images": [{"bytes": None, "path": str(path)} for path in images],
        "messages": [{"role": "user", "content": row["instruction"]}, {"role": "assistant", "content": row["output"]}],
    }


@pytest.mark.parametrize("text", [english("long", 600), chinese("long", 900)])
def test_exactly_what_training_would_refuse_is_left_out_with_its_count(
    student: Path, images: list[Path], text: str
) -> None:
    row = written("long", text, map(str, images))
    processor = load_processor(str(student), None)
    [(total, vision)] = count_tokens([training_row(row, images)], processor, 10**6)
    assert TokenBudget(str(student), Training(max_tokens=total)).reason(row, images) is None
    count_tokens([training_row(row, images)], processor, total)
    reason = TokenBudget(str(student), Training(max_tokens=total - 1)).reason(row, images)
    assert reason is not None
    assert reason.kind == "over_budget"
    assert reason.says == (
        f"{total} tokens ({total - vision} of text, {vision} of 3 images), max_tokens is {total - 1}"
    )
    with pytest.raises(RowError, match="long has"):
        count_tokens([training_row(row, images)], processor, total - 1)


def test_smaller_images_bring_an_example_back_in(student: Path, images: list[Path]) -> None:
    row = written("pages", english("pages", 300), map(str, images))
    total = count_tokens([training_row(row, images)], load_processor(str(student), None), 10**6)[0][0]
    for max_pixels, kind in ((None, "over_budget"), (9 * 28 * 28, None)):
        reason = TokenBudget(str(student), Training(max_tokens=total - 20, max_pixels=max_pixels)).reason(row, images)
        assert (reason and reason.kind) == kind


@pytest.mark.parametrize("student", ["/nowhere/model", "nobody/no-such-model"])
def test_nothing_is_loaded_where_no_example_can_be_over_and_nothing_is_fetched(
    student: str,
    images: list[Path],
) -> None:
    nowhere = TokenBudget(student, Training())
    assert nowhere.reason(written("short", english("short", 500), map(str, images)), images) is None
    with pytest.raises(GateClosedError, match=r"model \(LWV_STUDENT\).*HF_HUB_OFFLINE=0"):
        nowhere.reason(written("long", english("long", 9000), map(str, images)), images)


def test_general_chat_that_is_over_is_not_drawn_and_counted(student: Path, tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text(
        "".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": "Tell me more."},
                        {"role": "assistant", "content": english(number, words)},
                    ]
                }
            )
            + "\n"
            for number, words in enumerate((2000, 50, 3000, 60))
        )
    )
    chat = draw_chat(
        Mix(chat=path, chat_rows=3), lambda text: None, TokenBudget(str(student), Training(max_tokens=1000))
    )
    assert (chat.lines, chat.report()["over_budget"]) == ({2, 4}, 2)


@pytest.mark.parametrize("student", BUILT)
def test_a_student_that_is_built_later_leaves_nothing_out_here(student: str, images: list[Path]) -> None:
    row = written("long", english("long", 9000), map(str, images))
    assert TokenBudget(student, Training(max_tokens=256)).reason(row, images) is None


def test_an_image_that_cannot_be_read_names_the_example(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.jpg", tmp_path / "broken.jpg"):
        if path.stem == "broken":
            path.write_bytes(b"no image")
        with pytest.raises(RowError, match=f"page: the image .*{path.stem}"):
            TokenBudget("/models/any", Training()).reason(written("page", "text", [str(path)]), [path])
