"""TRL's own trainers read what was exported for them, on the tiny student."""

import math
from pathlib import Path

import pytest

from lwv_dagster.release.trl import PROMPT
from lwv_dagster.release.write import FORMATS, write_release
from resources.training.rows.chat import IMAGE, render_prompt
from testing.release_home import STORY, make_home


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from resources.training.students.tiny import build_tiny

    folder = tmp_path_factory.mktemp("student")
    build_tiny([STORY, "Write a lecture script."] * 50, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "images", "first_loss"), [("sft", [1, 2, 3, 1, 2, 3, 0], None), ("dpo", [1, 2, 3, 3, 3], math.log(2))]
)
def test_every_row_is_read_and_trained_on_its_answer_alone(
    name: str, images: list[int], first_loss: float | None, student: Path, tmp_path: Path
) -> None:
    from testing.reads_trl import read

    write_release(make_home(tmp_path / "home"), FORMATS["trl"], tmp_path / "out")
    found = read(tmp_path / "out", student, name)  # asserts tokens and labels of each row
    assert found["images"] == images
    assert found["trained_tokens"] > 20 * len(images)
    assert math.isfinite(found["loss"])
    if first_loss:
        assert found["loss"] == pytest.approx(first_loss, abs=1e-4)


def test_the_written_down_prompt_is_what_the_processor_renders(student: Path) -> None:
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(student)
    for images, prefix in ((0, ""), (2, ""), (3, "Once.")):
        ours = PROMPT.format(images=IMAGE * images, request="Write it.", prefix=f"{prefix}\n\n" if prefix else "")
        assert ours == render_prompt(processor, images, "Write it.", prefix)
