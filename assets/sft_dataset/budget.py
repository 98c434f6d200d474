"""Which examples have more tokens than one forward pass may: nothing is ever cut, so they are left out and counted."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from assets.quality.gate import GateClosedError
from assets.sft_dataset.keep import Reason
from resources.recipe.model import Training
from resources.training.rows.vision import open_image
from resources.training.students.resolve import BUILT

TEMPLATE_BYTES = 256  # of a chat template around the two turns, at most
SIDE = 28  # of a visual token, pixels
SMALL_IMAGE = 256  # visual tokens that a small image is enlarged to, at most


class TokenBudget:
    """The recipe's `training.max_tokens`, in tokens of the student (LWV_STUDENT) that will be trained.

    student: local path or hub id; its processor alone is loaded, and only once a row could be over. A student that is
    built when training starts has no tokens yet: nothing is left out for it here, and training counts anew.
    Raises GateClosedError where the processor cannot be loaded, RowError where an image cannot be read.
    """

    def __init__(self, student: str, training: Training) -> None:
        self.student, self.training = student, training

    @property
    def counts(self) -> bool:
        """Whether the student has tokens yet."""
        return self.student not in BUILT

    def reason(self, row: Mapping[str, Any], images: list[Path]) -> Reason | None:
        """`over_budget` with its tokens of text and of images, for a row (example_id, instruction, output); or None."""
        if not self.counts or self._at_most(row, images) <= self.training.max_tokens:
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

    def pair_reasons(self, document: Sequence[Mapping[str, Any]]) -> dict[str, Reason]:
        """id -> `over_budget` as `reason` has it, of the pairs of one document that do not fit a forward pass alone.

        document: rows of the preference data set, all that are trained of it. Raises RowError also where a pair's sides
        are equal or without text.
        """
        most = self.training.max_tokens
        if not self.counts or self._pair_at_most(document) <= most:
            return {}
        from resources.training.dpo.budget import pair_sizes

        sizes = pair_sizes([dict(row) for row in document], self._processor, self.training.layout)
        return {
            row["id"]: Reason("over_budget", f"{size}, max_tokens is {most}")
            for row, size in zip(document, sizes, strict=True)
            if size.tokens > most
        }

    def _at_most(self, row: Mapping[str, Any], images: list[Path]) -> int:
        """A bound that needs no tokenizer: a token is at least a byte of text, or SIDE x SIDE pixels."""
        text = len(row["instruction"].encode()) + len(row["output"].encode()) + TEMPLATE_BYTES
        return text + _vision_at_most(row["example_id"], images)

    def _pair_at_most(self, document: Sequence[Mapping[str, Any]]) -> int:
        """The same for any pair of a document: all its texts, and all images, on both sides where they may differ."""
        from resources.training.dpo.layout import document_images

        names = ("prompt", "prefix", "chosen", "rejected")
        text = max(sum(len(row[name].encode()) for name in names) for row in document) + TEMPLATE_BYTES
        images = [Path(path) for path in document_images([dict(row) for row in document])]
        sides = 2 if self.training.layout == "interleaved" else 1
        return text + sides * _vision_at_most(document[0]["id"], images)

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


def _vision_at_most(name: str, images: list[Path]) -> int:
    most = 0
    for path in images:
        with open_image(name, str(path)) as image:
            width, height = image.size
        most += max((width // SIDE + 1) * (height // SIDE + 1), SMALL_IMAGE) + 2
    return most
