"""Which examples have more tokens than one forward pass takes: they are left out and counted, and nothing is cut."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from assets.quality.gate import GateClosedError
from assets.sft_dataset.keep import Reason
from resources.recipe.model import Training
from resources.training.rows.processor import Processor, load_processor
from resources.training.rows.vision import open_image
from resources.training.students.student_files import BUILT, StudentError, look_at_student

TEMPLATE_BYTES = 256  # of a chat template around the two turns, at most
SIDE = 28  # of a visual token, pixels
SMALL_IMAGE = 256  # visual tokens that a small image is enlarged to, at most


class Exchange(TypedDict):
    """What of a row has tokens besides its images: columns of long_outputs."""

    example_id: str
    instruction: str
    output: str


class StudentBudget:
    """The recipe's `training.max_tokens`, in tokens of the student (LWV_STUDENT) that will be trained.

    student: local path or hub id; its processor alone is loaded, and only once a row could be over. A student that is
    built when training starts has no tokenizer yet: nothing is left out for it here, and training counts again.
    """

    def __init__(self, student: str, training: Training) -> None:
        self.student, self.training = student, training

    @property
    def counts(self) -> bool:
        """Whether the student has tokens yet."""
        return self.student not in BUILT

    def over(self, tokens: int, size: object) -> Reason | None:
        """`over_budget` with the size in words, where these are too many tokens."""
        most = self.training.max_tokens
        return Reason("over_budget", f"{size}, max_tokens is {most}") if tokens > most else None

    @cached_property
    def bounded(self) -> bool:
        """Whether bytes and pixels bound the student's tokens: not where images are cut into tiles, which may be larger
        than the image. A student that cannot be trained is refused elsewhere."""
        try:
            return look_at_student(self.student).family.way != "plain"
        except StudentError:
            return True

    @cached_property
    def processor(self) -> Processor:
        """The student's tokenizer and image processor. Raises GateClosedError where they cannot be loaded."""
        try:
            return load_processor(self.student, self.training.max_pixels)
        except (OSError, ValueError) as error:
            raise GateClosedError(
                f"The tokenizer of the student {self.student} (LWV_STUDENT) is needed to count long "
                f"examples, and cannot be loaded: {str(error).splitlines()[0]} Name a folder that holds the "
                "model, or set HF_HUB_OFFLINE=0 to fetch it."
            ) from error


class TokenBudget(StudentBudget):
    """Of written examples. Raises GateClosedError, and RowError where an image cannot be read."""

    def reason(self, row: Exchange, images: list[Path]) -> Reason | None:
        """`over_budget` with its tokens of text and of images, for a row (example_id, instruction, output); or None."""
        if not self.counts or (self.bounded and self._at_most(row, images) <= self.training.max_tokens):
            return None
        from resources.training.sft.packing import row_size

        size = row_size(
            {
                "id": row["example_id"],
                "images": [{"bytes": None, "path": str(path)} for path in images],
                "messages": [
                    {"role": "user", "content": row["instruction"]},
                    {"role": "assistant", "content": row["output"]},
                ],
            },
            self.processor,
        )
        return self.over(size.tokens, size)

    def _at_most(self, row: Exchange, images: list[Path]) -> int:
        return text_at_most(row["instruction"], row["output"]) + vision_at_most(row["example_id"], images)


def text_at_most(*texts: str) -> int:
    """A bound that needs no tokenizer: a token is at least a byte of text."""
    return sum(len(text.encode()) for text in texts) + TEMPLATE_BYTES


def vision_at_most(name: str, images: Sequence[Path]) -> int:
    """The same of images: a visual token is at least SIDE x SIDE pixels. Raises RowError with `name`."""
    most = 0
    for path in images:
        with open_image(name, str(path)) as image:
            width, height = image.size
        most += max((width // SIDE + 1) * (height // SIDE + 1), SMALL_IMAGE) + 2
    return most
