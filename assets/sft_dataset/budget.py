"""Which examples have more tokens than one forward pass takes: they are left out and counted, and nothing is cut."""

from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

from assets.quality.gate import GateClosedError
from assets.sft_dataset.keep import Reason
from resources.recipe.model import Training
from resources.training.rows.vision import open_image
from resources.training.students.resolve import BUILT

TEMPLATE_BYTES = 256  # of a chat template around the two turns, at most
SIDE = 28  # of a visual token, pixels
SMALL_IMAGE = 256  # visual tokens that a small image is enlarged to, at most


class Exchange(TypedDict):
    """What of a row has tokens besides its images: columns of long_outputs."""

    example_id: str
    instruction: str
    output: str


class TokenBudget:
    """The recipe's `training.max_tokens`, in tokens of the student (LWV_STUDENT) that will be trained.

    student: local path or hub id; its processor alone is loaded, and only once a row could be over. A student that is
    built when training starts has no tokenizer yet: nothing is left out for it here, and training counts again.
    Raises GateClosedError where the processor cannot be loaded, RowError where an image cannot be read.
    """

    def __init__(self, student: str, training: Training) -> None:
        self.student, self.training = student, training

    def reason(self, row: Exchange, images: list[Path]) -> Reason | None:
        """`over_budget` with the row's tokens of text and of images, or None. images: files, in order."""
        if self.student in BUILT or self._at_most(row, images) <= self.training.max_tokens:
            return None
        from resources.training.sft.packing import row_size

        tokens = row_size(
            {
                "id": row["example_id"],
                "images": [{"path": str(path)} for path in images],
                "messages": [{"content": row["instruction"]}, {"content": row["output"]}],
            },
            self._processor,
        )
        return (
            Reason("over_budget", f"{tokens.size()}, max_tokens is {self.training.max_tokens}")
            if len(tokens.ids) > self.training.max_tokens
            else None
        )

    def _at_most(self, row: Exchange, images: list[Path]) -> int:
        """A bound that needs no tokenizer: a token is at least a byte of text, or SIDE x SIDE pixels."""
        most = len(row["instruction"].encode()) + len(row["output"].encode()) + TEMPLATE_BYTES
        for path in images:
            with open_image(row["example_id"], str(path)) as image:
                width, height = image.size
            most += max((width // SIDE + 1) * (height // SIDE + 1), SMALL_IMAGE) + 2
        return most

    @cached_property
    def _processor(self) -> Any:
        from resources.training.rows.processor import load_processor

        try:
            return load_processor(self.student, self.training.max_pixels)
        except (OSError, ValueError) as error:
            raise GateClosedError(
                f"The tokenizer of the student {self.student} (LWV_STUDENT) is needed to count long "
                f"examples, and cannot be loaded: {str(error).splitlines()[0]} Name a folder that holds the "
                "model, or set HF_HUB_OFFLINE=0 to fetch it."
            ) from error
